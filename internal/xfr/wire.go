package xfr

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
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

// next returns the next message if it has been read whole, else nil. It is valid until the next call of fill.
func (w *wire) next() []byte {
	need := w.need()
	if have := w.buf[w.start:w.end]; len(have) >= need {
		w.start += need
		return have[2:need:need]
	}
	return nil
}

// need returns how many octets the next message has with its length, as far as that is known.
func (w *wire) need() int {
	if have := w.buf[w.start:w.end]; len(have) >= 2 {
		return 2 + int(binary.BigEndian.Uint16(have))
	}
	return 2
}

// fill reads more of the next message.
func (w *wire) fill(conn net.Conn) error {
	w.room(w.need())
	n, err := conn.Read(w.buf[w.end:])
	w.end += n
	switch {
	case n > 0:
		return nil // an error comes again
	case errors.Is(err, io.EOF) && w.end > w.start:
		return errCutOff
	case errors.Is(err, io.EOF):
		return errClosed
	case err != nil:
		return plain(err)
	}
	return nil
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
