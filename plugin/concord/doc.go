// Package concord is CoreDNS's face of Concord: a plugin that serves zones which it keeps in step with all of their primaries.
//
// It turns a Corefile into configuration, queries into questions for internal/answer, and what happens to a zone into log
// lines and metrics. What is to be served, and when, it leaves to internal/secondary.
//
// Zones belong to the process and not to a server block: those of equal configuration are one, over server blocks, sockets and
// reloads of the Corefile. So do the stores that they are kept in, one for each file, which end with the last zone in them. The
// package owns the goroutines of its transfers out, which end with the server block, and those that send NOTIFY downstream,
// which end when there is nothing more to tell; the end of an instance waits for both. A start waits for those that read zones from
// a store, and for those that make them.
package concord
