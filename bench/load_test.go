package main

import (
	"bytes"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answerer answers every question with NXDOMAIN, but for each n-th, which it does not answer.
func answerer(t *testing.T, silent int) net.Addr {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for n := 1; ; n++ {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if silent > 0 && n%silent == 0 {
				continue
			}
			buf[2], buf[3] = 0x84, dns.RcodeNameError
			if _, err := conn.WriteTo(buf[:size], from); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return conn.LocalAddr()
}

func TestLoad(t *testing.T) {
	var text bytes.Buffer
	list := []question{{"a.test.", "A", dns.RcodeNameError, 0}, {"b.test.", "A", dns.RcodeSuccess, 0}, {"c.test.", "A", dns.RcodeNameError, 1}}
	if err := writeQuestions(&text, list); err != nil {
		t.Fatal(err)
	}
	ready, err := readQuestions(&text)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		silent int
	}{{"all answered", 0}, {"one in fifty lost", 50}} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("udp", answerer(t, tt.silent).String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			l := newLoad(conn, ready, 3)
			r, err := l.run(100 * time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if r.Answered == 0 || r.Seconds <= 0 {
				t.Errorf("%+v: nothing was answered", r)
			}
			if want := r.Answered * 2 / 3; r.Wrong < want-10-r.Lost || r.Wrong > want+10+r.Lost {
				t.Errorf("%d of %d are wrong, want two thirds", r.Wrong, r.Answered)
			}
			if (r.Lost > 0) != (tt.silent > 0) {
				t.Errorf("%d are lost of %d", r.Lost, l.asked)
			}
		})
	}
}

func TestLoadOfASilentServerEnds(t *testing.T) {
	conn, err := net.Dial("udp", answerer(t, 1).String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l := newLoad(conn, []packed{{make([]byte, 12), 0, 0}}, 5)
	if r, err := l.run(time.Millisecond); err == nil {
		t.Errorf("%+v, want an error", r)
	} else if l.report.Lost != 5 {
		t.Errorf("%d are lost, want 5", l.report.Lost)
	}
}

func TestReadQuestionsRefuses(t *testing.T) {
	for _, text := range []string{"", "a.test. A", "a.test. A x 1", "a..test. A 0 0"} {
		if list, err := readQuestions(bytes.NewBufferString(text)); err == nil {
			t.Errorf("%q gave %v, want an error", text, list)
		}
	}
}

// A server that is silent for a while is seen to be, by all the questions that were due meanwhile.
func TestPacedSeesAStall(t *testing.T) {
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	q, err := question{"a.test.", "A", dns.RcodeNameError, 0}.pack()
	if err != nil {
		t.Fatal(err)
	}
	p, err := startPaced(server.LocalAddr().(*net.UDPAddr).AddrPort(), []packed{q}, 1000, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 512)
	const questions, stalled = 300, 100
	for n := range questions {
		size, from, err := server.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if n < stalled {
			continue
		}
		buf[2], buf[3] = 0x84, dns.RcodeNameError
		if n == questions-1 {
			buf[3] = dns.RcodeSuccess
		}
		if _, err := server.WriteTo(buf[:size], from); err != nil {
			t.Fatal(err)
		}
	}
	for last := &p.asked[questions-1]; last.answered.Load() == 0; {
		time.Sleep(time.Millisecond)
	}
	server.Close()
	p.stop()
	p.stop()
	lost := p.between(p.start, p.start.Add(p.due(stalled)))
	if lost.asked != stalled || lost.lost != stalled || lost.p99 != answerWithin || lost.bad != p.due(stalled-1) {
		t.Errorf("%+v of %d that were not answered", lost, stalled)
	}
	rest := p.between(p.start.Add(p.due(stalled)), p.start.Add(p.due(questions)))
	if rest.asked != questions-stalled || rest.lost != 0 || rest.wrong != 1 || rest.bad != p.due(questions-1-stalled) || rest.worst < rest.p99 || rest.p99 <= 0 || rest.wire99 > rest.p99 {
		t.Errorf("%+v of %d that were", rest, questions-stalled)
	}
}

func TestPercentile(t *testing.T) {
	list := make([]time.Duration, 101)
	for i := range list {
		list[i] = time.Duration(100 - i)
	}
	if p := percentile(list, 99); p != 99 {
		t.Errorf("%d, want 99", p)
	}
	if p := percentile(nil, 99); p != 0 {
		t.Errorf("%d of nothing", p)
	}
}

// All zones are waited for, also those that come late.
func TestWaitAll(t *testing.T) {
	zones := newMany(true, t.TempDir())
	late := zones[3].origin
	refusals := 5
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		r := new(dns.Msg).SetReply(m)
		if m.Question[0].Name == late && refusals > 0 {
			refusals--
			r.Rcode = dns.RcodeServerFailure
		} else {
			r.Authoritative = true
			r.Answer = []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: "."}}
		}
		_ = w.WriteMsg(r)
	})
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan struct{}), make(chan error, 1)
	s := &dns.Server{PacketConn: conn, Handler: handler, NotifyStartedFunc: func() { close(started) }}
	go func() { ended <- s.ActivateAndServe() }()
	<-started
	running := &process{done: make(chan struct{})}
	addr := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	first, last, err := waitAll(t.Context(), running, addr, zones, patience)
	if err != nil {
		t.Error(err)
	}
	if first.IsZero() || !last.After(first) {
		t.Errorf("the first came at %v, the late one at %v", first, last)
	}
	if err := errors.Join(s.Shutdown(), <-ended); err != nil {
		t.Error(err)
	}
	if refusals != 0 {
		t.Errorf("%d refusals were not waited for", refusals)
	}

	// Nobody is there any more: the wait ends nevertheless, and says so in a way that can be told.
	running.dir = t.TempDir()
	if _, _, err := waitAll(t.Context(), running, addr, zones, time.Millisecond); !errors.Is(err, errNotThere) {
		t.Errorf("%v, want %v", err, errNotThere)
	}
}
