package xfr

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// wire is what has been read of a connection and not been used.
type wire struct {
	buf   []byte
	start int // of what has not been used, in buf
	end   int
}

const (
	firstBuffer = 1 << 10 // takes the answer to a SOA query
	maxBuffer   = 1 << 17 // takes any message and the begin of the next
)

// unread reports whether something has come that nobody asked for.
func (w *wire) unread() bool { return w.start < w.end }

// message returns the next message, which is valid until the next call. It must be whole within idle.
func (w *wire) message(conn net.Conn, idle time.Duration) ([]byte, error) {
	for waiting := false; ; waiting = true {
		need := 2
		if have := w.buf[w.start:w.end]; len(have) >= 2 {
			need = 2 + int(binary.BigEndian.Uint16(have))
			if len(have) >= need {
				w.start += need
				return have[2:need:need], nil
			}
		}
		if !waiting {
			if err := conn.SetReadDeadline(time.Now().Add(idle)); err != nil {
				return nil, plain(err)
			}
		}
		w.room(need)
		n, err := conn.Read(w.buf[w.end:])
		w.end += n
		if n > 0 {
			continue // an error comes again
		}
		switch {
		case errors.Is(err, io.EOF) && w.end > w.start:
			return nil, errCutOff
		case errors.Is(err, io.EOF):
			return nil, errClosed
		case err != nil:
			return nil, plain(err)
		}
	}
}

var (
	errClosed = &wordedError{"connection closed", io.EOF}
	errCutOff = &wordedError{"connection closed in the middle of a message", io.ErrUnexpectedEOF}
)

// room makes room for need octets from start on, and for at least one to read.
func (w *wire) room(need int) {
	if w.start == w.end {
		w.start, w.end = 0, 0
	}
	if len(w.buf)-w.start >= need {
		return
	}
	to := w.buf
	if need > len(to) {
		size := max(firstBuffer, len(to))
		for size < need {
			size = min(4*size, maxBuffer)
		}
		to = make([]byte, size)
	}
	w.end = copy(to, w.buf[w.start:w.end])
	w.start, w.buf = 0, to
}
