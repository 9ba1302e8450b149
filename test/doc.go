// Package test runs the whole binary, as an operator would, against real peers: NSD, Knot and BIND as primaries of the
// same zone, and scripted ones that lie. Beside the scenarios, one a file, stand the checks of the whole repository: what
// each room may import, and that every Corefile in the documentation starts.
//
// The harness is in files without _test in their names: [StartPeer] runs a peer, [StartCoreDNS] runs the binary. Whatever
// they start is stopped when the test ends, and its log is shown when the test failed. Tests talk to 127.0.0.0/8 only, and
// wait for what they expect with [Eventually], never for a time.
//
// A peer that is not installed fails the test: run make peers once. The package refuses to look inside the binary; what
// cannot be seen from outside is tested in its own room.
package test
