package badprimaries

import (
	"os"
	"runtime"
	"testing"
)

// leavesNothing runs a test twice, and fails it when the second time leaves memory or descriptors behind. Goroutines are
// looked for when all tests of the package have ended.
func leavesNothing(t *testing.T, test func(*testing.T)) {
	t.Helper()
	t.Run("once", test)
	memory, open := heap(), descriptors(t)
	t.Run("again", test)
	if grown := heap() - memory; grown > 4<<20 {
		t.Errorf("%d octets of memory are left", grown)
	}
	if now := descriptors(t); now > open {
		t.Errorf("%d descriptors are open, before it were %d", now, open)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list open descriptors")
	}
	return len(list)
}
