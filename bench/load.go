package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"time"
)

// loadCommand makes this program the load instead: a process of its own, so that it can have a CPU of its own.
const loadCommand = "load"

// loadReport is what the load prints, as JSON.
type loadReport struct {
	Answered int     // questions that were answered
	Wrong    int     // those of them with another response code or number of records than they should have
	Lost     int     // questions that nobody answered
	Seconds  float64 // from the first question to the last answer
}

func loadMain(args []string) error {
	f := flag.NewFlagSet(loadCommand, flag.ContinueOnError)
	server := f.String("server", "", "address to ask")
	file := f.String("questions", "", "file of questions")
	period := f.Duration("for", time.Second, "ask for so long")
	window := f.Int("window", 100, "questions under way")
	servfail := f.Bool("servfail", false, "the right answer to all of them is SERVFAIL")
	if err := f.Parse(args); err != nil {
		return err
	}
	in, err := os.Open(*file)
	if err != nil {
		return err
	}
	defer in.Close()
	list, err := readQuestions(in)
	if err != nil {
		return err
	}
	if *servfail {
		for i := range list {
			list[i].rcode, list[i].answers = 2, 0
		}
	}
	conn, err := net.Dial("udp", *server)
	if err != nil {
		return err
	}
	defer conn.Close()
	report, err := newLoad(conn, list, *window).run(*period)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

// load asks one server as fast as it answers: a fixed number of questions is under way, and each answer lets the next one
// out. It is one loop without goroutines, so that it is faster than what it measures.
type load struct {
	conn   net.Conn
	list   []packed
	window int
	way    [1 << 16]int32 // by ID: the question that is under way, counted from 1
	asked  int
	report loadReport
	buf    [4096]byte
}

func newLoad(conn net.Conn, list []packed, window int) *load {
	return &load{conn: conn, list: list, window: min(max(window, 1), 1000)}
}

func (l *load) run(period time.Duration) (loadReport, error) {
	const silence = time.Second // after which what is under way is lost
	start := time.Now()
	last := start
	for under := 0; ; {
		// The clock and the deadline are looked after now and then only: they cost what an answer costs.
		now := time.Now()
		if now.Sub(start) >= period {
			break
		}
		if err := l.conn.SetReadDeadline(now.Add(silence)); err != nil {
			return l.report, err
		}
		for range 256 {
			for ; under < l.window; under++ {
				if err := l.ask(&under); err != nil {
					return l.report, err
				}
			}
			answered, err := l.answer()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				under = l.drop()
				break
			}
			if err != nil {
				return l.report, err
			}
			if answered {
				under--
			}
		}
		last = time.Now()
	}
	l.report.Seconds = last.Sub(start).Seconds()
	if l.report.Answered == 0 {
		return l.report, fmt.Errorf("no answer within %v", period)
	}
	return l.report, nil
}

// ask sends the next question. An older one that still has its ID is lost, and no longer under way.
func (l *load) ask(under *int) error {
	id := uint16(l.asked)
	if l.way[id] != 0 {
		l.report.Lost++
		*under--
	}
	n := l.asked % len(l.list)
	l.way[id] = int32(n) + 1
	l.asked++
	msg := l.list[n].msg
	binary.BigEndian.PutUint16(msg, id)
	_, err := l.conn.Write(msg)
	return err
}

// answer reads one message, and reports whether it answers a question that is under way.
func (l *load) answer() (bool, error) {
	n, err := l.conn.Read(l.buf[:])
	if err != nil || n < 12 {
		return false, err
	}
	id := binary.BigEndian.Uint16(l.buf[:])
	asked := l.way[id]
	if asked == 0 {
		return false, nil
	}
	l.way[id] = 0
	l.report.Answered++
	if want := &l.list[asked-1]; l.buf[3]&15 != want.rcode || binary.BigEndian.Uint16(l.buf[6:]) != want.answers {
		l.report.Wrong++
	}
	return true, nil
}

// drop gives up on all that is under way.
func (l *load) drop() int {
	for id, n := range l.way {
		if n != 0 {
			l.way[id] = 0
			l.report.Lost++
		}
	}
	return 0
}
