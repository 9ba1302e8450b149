package main

import (
	"bytes"
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
