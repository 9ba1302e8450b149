package zone

import "testing"

func TestSerial(t *testing.T) {
	for _, tc := range []struct {
		s, t Serial
		want int
		ok   bool
	}{
		{0, 0, 0, true},
		{0, 1, -1, true},
		{1, 0, 1, true},
		{4294967295, 0, -1, true},
		{4294967295, 1, -1, true},
		{0, 2147483647, -1, true},
		{0, 2147483648, 0, false},
		{0, 2147483649, 1, true},
		{2147483648, 0, 0, false},
		{100, 2147483748, 0, false},
		{2026112001, 2026112002, -1, true},
		{3000000000, 1000000000, 1, true},
		{3300000000, 1000000000, -1, true},
	} {
		for _, flip := range []bool{false, true} {
			s, u, want := tc.s, tc.t, tc.want
			if flip {
				s, u, want = u, s, -want
			}
			if c, ok := s.Compare(u); c != want || ok != tc.ok {
				t.Errorf("%d Compare %d = %d, %v, want %d, %v", s, u, c, ok, want, tc.ok)
			}
			if got := s.Less(u); got != (tc.ok && want < 0) {
				t.Errorf("%d Less %d = %v", s, u, got)
			}
		}
	}
}
