package zone

// KeyTag returns the tag of a DNSKEY record with this RDATA (RFC 4034 appendix B). That of algorithm 1, RSAMD5, which nothing is
// signed with any more, is another.
func KeyTag(data []byte) uint16 {
	var sum uint32
	for i, c := range data {
		if i&1 == 0 {
			sum += uint32(c) << 8
		} else {
			sum += uint32(c)
		}
	}
	return uint16(sum + sum>>16)
}
