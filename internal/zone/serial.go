package zone

// Serial is the serial number of a zone's version. Its order is that of RFC 1982: it wraps around, and 0 is a serial
// like any other.
type Serial uint32

// Compare returns -1 when s is less than t, 0 when they are equal, and 1 when s is greater. ok is false, and the
// result 0, for two serials that lie 2^31 apart: RFC 1982 section 3.2 leaves their order undefined.
func (s Serial) Compare(t Serial) (c int, ok bool) {
	switch d := int32(t - s); {
	case d == 0:
		return 0, true
	case d == -1<<31:
		return 0, false
	case d > 0:
		return -1, true
	default:
		return 1, true
	}
}

// Less reports whether s is less than t. Of two serials whose order is undefined neither is less.
func (s Serial) Less(t Serial) bool {
	c, ok := s.Compare(t)
	return ok && c < 0
}
