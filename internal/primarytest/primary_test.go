package primarytest

import (
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const queryID = 4711

func query(origin string, qtype uint16) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(origin, qtype)
	q.Id, q.RecursionDesired = queryID, false
	return q
}

// transfer asks for a zone and returns the records of each message, and what ended the reading after the second SOA record.
func transfer(t *testing.T, c net.Conn, origin string) (msgs []*dns.Msg, err error) {
	t.Helper()
	if err := (&dns.Conn{Conn: c}).WriteMsg(query(origin, dns.TypeAXFR)); err != nil {
		return nil, err
	}
	for ends := 0; ends < 2; {
		m, err := readMessage(c)
		if err != nil {
			return msgs, err
		}
		msgs = append(msgs, m)
		for _, rr := range m.Answer {
			if rr.Header().Rrtype == dns.TypeSOA {
				ends++
			}
		}
		if len(m.Answer) == 0 {
			break
		}
	}
	return msgs, nil
}

func connect(t *testing.T, p *Primary) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func records(msgs []*dns.Msg) (list []dns.RR) {
	for _, m := range msgs {
		list = append(list, m.Answer...)
	}
	return list
}

var hosts = []string{"@ NS ns1", "ns1 A 192.0.2.1", "www 60 A 192.0.2.2", "mail AAAA 2001:db8::1"}

func TestHonest(t *testing.T) {
	z := Make(t, "Example.org.", 7, hosts...)
	for _, b := range []Behaviour{{}, {RecordsPerMessage: 1}, {MessageSize: 110}, {MessageSize: 110, NoQuestion: true}, {CloseAfterAnswer: true}} {
		p := New(t, z, OfVersion(t, Make(t, "example.net.", 1, hosts...).Version(t)))
		p.Behave(b)
		for _, origin := range []string{"example.org.", "EXAMPLE.net."} {
			msgs, err := transfer(t, connect(t, p), origin)
			if err != nil {
				t.Fatal(err)
			}
			list := records(msgs)
			if len(list) != 6 || list[0].String() != list[5].String() || list[0].Header().Rrtype != dns.TypeSOA {
				t.Errorf("%+v: records %v", b, list)
			}
			for i, m := range msgs {
				if (len(m.Question) == 0) != (b.NoQuestion && i > 0) || b.RecordsPerMessage > 0 && len(m.Answer) > b.RecordsPerMessage {
					t.Errorf("%+v: message %d: %v", b, i, m)
				}
			}
			if (len(msgs) > 1) != (b.RecordsPerMessage > 0 || b.MessageSize > 0) {
				t.Errorf("%+v: %d messages", b, len(msgs))
			}
		}
		for _, network := range []string{"tcp", "udp"} {
			client := &dns.Client{Net: network}
			m, _, err := client.Exchange(query("example.ORG.", dns.TypeSOA), p.Addr().String())
			if err != nil || !m.Authoritative || len(m.Answer) != 1 || m.Answer[0].(*dns.SOA).Serial != 7 {
				t.Errorf("%s: %v, %v", network, m, err)
			}
		}
		p.Await(t, func(c Counts) bool { return c.Completed == 2 })
		if want := (Counts{Connections: 3, Probes: 1, Datagrams: 1, Transfers: 2, Completed: 2}); p.Counts() != want {
			t.Errorf("counts %+v, want %+v", p.Counts(), want)
		}
		p.Stop()
		p.Stop()
	}
}

func TestSet(t *testing.T) {
	p := New(t)
	c := connect(t, p)
	rcode := func(want int) {
		t.Helper()
		msgs, err := transfer(t, c, "example.org.")
		if err != nil || msgs[0].Rcode != want {
			t.Errorf("%v, %v, want rcode %d", msgs, err, want)
		}
	}
	rcode(dns.RcodeNotAuth)
	for serial := range uint32(3) {
		p.Set(Make(t, "example.org.", serial, hosts...))
		msgs, err := transfer(t, c, "example.org.")
		if err != nil || msgs[0].Answer[0].(*dns.SOA).Serial != serial {
			t.Errorf("serial %d: %v, %v", serial, msgs, err)
		}
	}
	p.Remove("example.org")
	rcode(dns.RcodeNotAuth)
	p.Set(Make(t, "example.org.", 9, hosts...))
	p.Behave(Behaviour{Rcode: dns.RcodeServerFailure})
	rcode(dns.RcodeServerFailure)
}

// Each behaviour shows in the messages that come, and in how they end.
func TestBehaviour(t *testing.T) {
	z := Make(t, "example.org.", 7, hosts...)
	one := Behaviour{RecordsPerMessage: 1} // 6 messages
	with := func(change func(*Behaviour)) Behaviour {
		b := one
		change(&b)
		return b
	}
	all := func(msgs []*dns.Msg, is func(*dns.Msg) bool) bool {
		return !slices.ContainsFunc(msgs, func(m *dns.Msg) bool { return !is(m) })
	}
	tests := []struct {
		name      string
		behaviour Behaviour
		messages  int
		err       error
		is        func(msgs []*dns.Msg) bool
	}{
		{"ResetAt", with(func(b *Behaviour) { b.ResetAt = 1 }), 0, syscall.ECONNRESET, nil},
		{"CloseAt", with(func(b *Behaviour) { b.CloseAt = 3 }), 2, io.EOF, nil},
		{"CutAt", with(func(b *Behaviour) { b.CutAt = 3 }), 2, io.ErrUnexpectedEOF, nil},
		{"NoEnd", with(func(b *Behaviour) { b.NoEnd = true }), 5, io.EOF, nil},
		{"WrongID", with(func(b *Behaviour) { b.WrongID = true }), 6, nil, func(msgs []*dns.Msg) bool {
			return all(msgs, func(m *dns.Msg) bool { return m.Id != queryID })
		}},
		{"Edit", with(func(b *Behaviour) { b.Edit = func(n int, m []byte) []byte { m[1] = byte(n); return m } }), 6, nil,
			func(msgs []*dns.Msg) bool { return msgs[5].Id&0xFF == 6 }},
		{"Truncated", with(func(b *Behaviour) { b.Truncated = true }), 6, nil, func(msgs []*dns.Msg) bool {
			return all(msgs, func(m *dns.Msg) bool { return m.Truncated })
		}},
		{"WrongQuestion", Behaviour{WrongQuestion: true}, 1, nil, func(msgs []*dns.Msg) bool { return msgs[0].Question[0].Name != "example.org." }},
		{"EndSerial", Behaviour{EndSerial: 9}, 1, nil, func(msgs []*dns.Msg) bool { return msgs[0].Answer[5].(*dns.SOA).Serial == 9 }},
		{"Endless", Behaviour{Endless: 50, MessageSize: 200}, 12, nil, func(msgs []*dns.Msg) bool { return len(records(msgs)) == 56 }},
		{"Endless one by one", Behaviour{Endless: 50, RecordsPerMessage: 1, NoQuestion: true}, 56, nil, func(msgs []*dns.Msg) bool {
			return records(msgs)[54].Header().Name == "endless00000049.example.org."
		}},
		{"Only", Behaviour{Rcode: dns.RcodeRefused, Only: dns.TypeSOA}, 1, nil, func(msgs []*dns.Msg) bool { return msgs[0].Rcode == 0 }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := New(t, z)
			p.Behave(test.behaviour)
			msgs, err := transfer(t, connect(t, p), "example.org.")
			if len(msgs) != test.messages || !errors.Is(err, test.err) {
				t.Fatalf("%d messages and error %v, want %d and %v", len(msgs), err, test.messages, test.err)
			}
			if test.is != nil && !test.is(msgs) {
				t.Errorf("messages %v", msgs)
			}
		})
	}
	t.Run("Serial", func(t *testing.T) {
		p := New(t, z)
		p.Behave(Behaviour{Serial: 12})
		c := connect(t, p)
		if err := (&dns.Conn{Conn: c}).WriteMsg(query("example.org.", dns.TypeSOA)); err != nil {
			t.Fatal(err)
		}
		m, err := readMessage(c)
		if err != nil || m.Answer[0].(*dns.SOA).Serial != 12 {
			t.Errorf("probe: %v, %v", m, err)
		}
		if msgs, err := transfer(t, c, "example.org."); err != nil || msgs[0].Answer[0].(*dns.SOA).Serial != 7 {
			t.Errorf("transfer: %v, %v", msgs, err)
		}
	})
}

func TestPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Pipe(t, "192.0.2.1:53", Make(t, "example.org.", 7, hosts...))
		other := Pipe(t, "192.0.2.2:53")
		dial := Dialer(p, other)
		p.Behave(Behaviour{Delay: time.Second, RecordsPerMessage: 1})
		c, err := dial(t.Context(), "tcp", "192.0.2.1:53")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begin := time.Now()
		if msgs, err := transfer(t, c, "example.org."); err != nil || len(msgs) != 6 || time.Since(begin) != 6*time.Second {
			t.Errorf("%v, %v after %v", msgs, err, time.Since(begin))
		}
		other.Stop()
		for _, addr := range []string{"192.0.2.2:53", "192.0.2.3:53"} {
			if _, err := dial(t.Context(), "tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s: %v", addr, err)
			}
		}
	})
}

// Stop ends what is under way, however slow it is.
func TestStop(t *testing.T) {
	for _, b := range []Behaviour{{Silent: true}, {Delay: time.Hour}, {Drip: time.Hour}, {Endless: 1 << 30}, {SilentAfter: 1, RecordsPerMessage: 1}} {
		p := New(t, Make(t, "example.org.", 7, hosts...))
		p.Behave(b)
		c := connect(t, p)
		if err := (&dns.Conn{Conn: c}).WriteMsg(query("example.org.", dns.TypeAXFR)); err != nil {
			t.Fatal(err)
		}
		p.Await(t, func(c Counts) bool { return c.Transfers == 1 })
		p.Stop()
	}
}
