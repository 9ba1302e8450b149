// Package badprimaries shows a whole zone, from NOTIFY to what is served, to primaries that are slow, wrong, lying and dying:
// all that internal/primarytest can play. Whatever they do, the version before stays served, the operator is told in one line
// what is wrong, and nothing is left of it: no goroutine, no descriptor, no memory.
//
// The zone is that of internal/secondary, over real sockets and in this process, where what is left can be counted. What the
// whole binary makes of bad primaries is told by the tests in the folder above.
package badprimaries
