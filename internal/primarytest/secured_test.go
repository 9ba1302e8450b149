package primarytest

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// incremental asks for the changes since a serial and returns the records of the answer as one text.
func incremental(t *testing.T, c net.Conn, serial uint32) (string, error) {
	t.Helper()
	q := new(dns.Msg).SetIxfr("example.org.", serial, ".", ".")
	if err := (&dns.Conn{Conn: c}).WriteMsg(q); err != nil {
		return "", err
	}
	m, err := readMessage(c)
	if err != nil {
		return "", err
	}
	text := dns.RcodeToString[m.Rcode]
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.SOA:
			text += fmt.Sprint(" ", rr.Serial)
		case *dns.A:
			text += " " + rr.A.String()
		}
	}
	return text, nil
}

func TestIXFR(t *testing.T) {
	p := New(t)
	for serial := range uint32(3) {
		p.Set(Make(t, "example.org.", 7+serial, fmt.Sprintf("www A 192.0.2.%d", serial)))
	}
	for _, test := range []struct {
		behaviour Behaviour
		serial    uint32
		want      string
	}{
		{Behaviour{}, 7, "NOERROR 9 7 192.0.2.0 8 192.0.2.1 8 192.0.2.1 9 192.0.2.2 9"},
		{Behaviour{}, 8, "NOERROR 9 8 192.0.2.1 9 192.0.2.2 9"},
		{Behaviour{}, 9, "NOERROR 9"},
		{Behaviour{}, 10, "NOERROR 9"},
		{Behaviour{}, 6, "NOERROR 9 192.0.2.2 9"},
		{Behaviour{Condensed: true}, 7, "NOERROR 9 7 192.0.2.0 9 192.0.2.2 9"},
		{Behaviour{Whole: true}, 7, "NOERROR 9 192.0.2.2 9"},
		{Behaviour{Records: []dns.RR{}}, 7, "NOERROR"},
		{Behaviour{Rcode: dns.RcodeNotImplemented, Only: dns.TypeIXFR}, 7, "NOTIMP"},
	} {
		p.Behave(test.behaviour)
		if got, err := incremental(t, connect(t, p), test.serial); err != nil || got != test.want {
			t.Errorf("%+v, since %d: %q, %v, want %q", test.behaviour, test.serial, got, err, test.want)
		}
	}
	if n := p.Counts().Increments; n != 9 {
		t.Errorf("%d IXFR queries counted", n)
	}
	p.Behave(Behaviour{})
	p.Remove("example.org.")
	if got, err := incremental(t, connect(t, p), 7); err != nil || got != "NOTAUTH" {
		t.Errorf("removed: %q, %v", got, err)
	}
}

// miekg/dns accepts what is signed, message by message, and is told what is wrong with its own signatures.
func TestTSIG(t *testing.T) {
	p := New(t, Make(t, "example.org.", 7, hosts...))
	key := Key{Name: "k.", Algorithm: dns.HmacSHA512, Secret: base64.StdEncoding.EncodeToString([]byte("secret"))}
	p.UseKeys(key)
	p.Behave(Behaviour{RecordsPerMessage: 1})
	ask := func(name, algorithm, secret string, ahead time.Duration) (signed int, err error) {
		tr := &dns.Transfer{TsigSecret: map[string]string{name: secret}}
		m := new(dns.Msg).SetAxfr("example.org.")
		m.SetTsig(name, algorithm, 300, time.Now().Add(ahead).Unix())
		in, err := tr.In(m, p.Addr().String())
		if err != nil {
			return 0, err
		}
		for e := range in {
			if e.Error != nil {
				err = e.Error
			}
			signed += len(e.RR)
		}
		return signed, err
	}
	if n, err := ask("k.", dns.HmacSHA512, key.Secret, 0); n != 6 || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
	for _, bad := range []struct {
		name, algorithm, secret string
		ahead                   time.Duration
		code                    uint16
	}{
		{"other.", dns.HmacSHA512, key.Secret, 0, dns.RcodeBadKey},
		{"k.", dns.HmacSHA256, key.Secret, 0, dns.RcodeBadKey},
		{"k.", dns.HmacSHA512, "b3RoZXI=", 0, dns.RcodeBadSig},
		{"k.", dns.HmacSHA512, key.Secret, time.Hour, dns.RcodeBadTime},
	} {
		c := connect(t, p)
		m := query("example.org.", dns.TypeSOA)
		m.SetTsig(bad.name, bad.algorithm, 300, time.Now().Add(bad.ahead).Unix())
		octets, _, err := dns.TsigGenerate(m, bad.secret, "", false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(append([]byte{byte(len(octets) >> 8), byte(len(octets))}, octets...)); err != nil {
			t.Fatal(err)
		}
		r, err := readMessage(c)
		if err != nil || r.Rcode != dns.RcodeNotAuth || r.IsTsig() == nil || r.IsTsig().Error != bad.code || len(r.Answer) > 0 {
			t.Errorf("%+v: %v, %v", bad, r, err)
		}
	}
	if msgs, err := transfer(t, connect(t, p), "example.org."); err != nil || msgs[0].Rcode != dns.RcodeRefused {
		t.Errorf("without a key: %v, %v", msgs, err)
	}
}

func TestTLS(t *testing.T) {
	a := NewAuthority(t)
	p := New(t, Make(t, "example.org.", 7, hosts...))
	p.UseTLS(&tls.Config{Certificates: []tls.Certificate{a.Issue(time.Hour, "ns1.example.net")}})
	c, err := tls.Dial("tcp", p.Addr().String(), &tls.Config{RootCAs: a.Pool(), ServerName: "ns1.example.net"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if msgs, err := transfer(t, c, "example.org."); err != nil || len(records(msgs)) != 6 {
		t.Errorf("%v, %v", msgs, err)
	}
}

// What is said by EDNS to who asks.
func TestEDNS(t *testing.T) {
	p := New(t, Make(t, "example.org.", 7, hosts...))
	ask := func() *dns.Msg {
		t.Helper()
		c := connect(t, p)
		m := query("example.org.", dns.TypeSOA).SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}, &dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true}}
		if err := (&dns.Conn{Conn: c}).WriteMsg(m); err != nil {
			t.Fatal(err)
		}
		r, err := readMessage(c)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	p.Behave(Behaviour{Keepalive: 3 * time.Second, Expire: 77})
	o := ask().IsEdns0().Option
	if len(o) != 2 || o[0].(*dns.EDNS0_TCP_KEEPALIVE).Timeout != 30 || o[1].(*dns.EDNS0_EXPIRE).Expire != 77 {
		t.Errorf("options %v", o)
	}
	p.Behave(Behaviour{})
	if o := ask().IsEdns0().Option; len(o) != 0 {
		t.Errorf("options %v", o)
	}
	p.Behave(Behaviour{NoEDNS: true})
	if r := ask(); r.Rcode != dns.RcodeFormatError || r.IsEdns0() != nil {
		t.Errorf("without EDNS: %v", r)
	}
}
