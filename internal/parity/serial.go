package parity

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/concord-dns/concord/internal/zone"
	"github.com/miekg/dns"
)

// SerialLine is the form of a line of serials.
type SerialLine uint8

const (
	// SerialCounter goes forward by one.
	SerialCounter SerialLine = iota
	// SerialDate is YYYYMMDDnn (RFC 1912 section 2.2).
	SerialDate
)

// SerialLineOf returns the form that a source's serial has: that of a date if
// it names one that is not to come.
func SerialLineOf(source zone.Serial, now time.Time) SerialLine {
	n := uint32(source) / 100
	year, month, day := int(n/10000), time.Month(n/100%100), int(n%100)
	date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	const first = 1983 // the DNS is not older
	if year < first || date.Year() != year || date.Month() != month || date.Day() != day || date.After(now.Add(24*time.Hour)) {
		return SerialCounter
	}
	return SerialDate
}

// NextSerial returns the serial after last, which is always greater (RFC
// 1982). A line of dates goes on to today or, where it has run ahead of the
// calendar or cannot reach it in one step, by one.
func NextSerial(last zone.Serial, line SerialLine, now time.Time) zone.Serial {
	if line == SerialDate {
		if today := dateSerial(now); last.Less(today) {
			return today
		}
	}
	return last + 1
}

func dateSerial(now time.Time) zone.Serial {
	year, month, day := now.UTC().Date()
	return zone.Serial(((year*100+int(month))*100 + day) * 100)
}

var (
	// ErrSigned is the error of a signed version: its SOA cannot be changed.
	ErrSigned = errors.New("the zone is signed")
	// ErrDigest is the error of a version with a digest, which covers the SOA.
	ErrDigest = errors.New("the zone has a ZONEMD record, which covers the serial")
)

// KeepSerial returns the version that is v with another serial.
func KeepSerial(v *zone.Version, serial zone.Serial) (*zone.Version, error) {
	wrap := func(err error) error {
		return fmt.Errorf("zone %s: keep serial %d instead of %d: %w", v.Apex(), serial, v.Serial(), err)
	}
	apex := v.ApexNode()
	if _, signed := apex.Signatures(dns.TypeSOA); signed || v.Signed() {
		return nil, wrap(ErrSigned)
	}
	if _, ok := apex.RRset(dns.TypeZONEMD); ok {
		return nil, wrap(ErrDigest)
	}
	if serial == v.Serial() {
		return v, nil
	}
	set, _ := apex.RRset(dns.TypeSOA)
	soa := v.SOA()
	before := zone.Record{Owner: v.Apex(), Type: dns.TypeSOA, TTL: set.TTL, Data: set.First()}
	after := before
	after.Data = append([]byte(nil), before.Data...)
	binary.BigEndian.PutUint32(after.Data[len(soa.MName)+len(soa.RName):], uint32(serial))
	kept, err := zone.Apply(v, zone.Delta{Deleted: []zone.Record{before}, Added: []zone.Record{after}})
	if err != nil {
		return nil, wrap(err)
	}
	return kept, nil
}
