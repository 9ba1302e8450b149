package xfr

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/primarytest"
	"github.com/concord-dns/concord/internal/zone"
)

// numbered returns zones of which each has a serial of its own, so that no answer is taken for another's.
func numbered(tb testing.TB, n int) (zones []*primarytest.Zone) {
	tb.Helper()
	for i := range n {
		zones = append(zones, primarytest.Make(tb, fmt.Sprintf("z%d.example.", i), uint32(100+i)))
	}
	return zones
}

// together asks for all zones at once, and returns the errors. A wrong answer fails the test.
func together(t *testing.T, c *Client, p *primarytest.Primary, zones []*primarytest.Zone) []error {
	t.Helper()
	failed := make([]error, len(zones))
	var all sync.WaitGroup
	for i, z := range zones {
		all.Go(func() {
			soa, err := c.Probe(t.Context(), p.Addr(), z.Apex())
			if failed[i] = err; err == nil && soa.Serial != z.Version(t).Serial() {
				t.Errorf("%v: serial %d", z.Apex(), soa.Serial)
			}
		})
	}
	all.Wait()
	return failed
}

func (c *Client) sequential(p *primarytest.Primary) bool {
	return c.Open(p.Addr()).peer.known().sequential(time.Now())
}

// Eight zones are asked for at once, of a primary that has read all eight questions before it answers any. Whatever it does
// with them, the zones see what they would have seen one by one.
func TestPipeline(t *testing.T) {
	const n = 8
	inverted := func(ids []uint16, i int) uint16 { return ^ids[i] }
	for _, test := range []struct {
		name        string
		behaviour   primarytest.Behaviour
		connections int
		sequential  bool
		after       time.Duration
		want        string // the error of each; empty: none
	}{
		{name: "in order", behaviour: primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: n}}, connections: 1},
		// RFC 7766 section 6.2.1.1 and section 7: answers may come in any order.
		{name: "backwards", behaviour: primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: n, Backwards: true}}, connections: 1},
		{name: "all with an error", behaviour: primarytest.Behaviour{Rcode: 5, Pipelined: primarytest.Pipelined{Gather: n}}, connections: 1,
			want: "rcode REFUSED: the primary does not serve the zone, or not to this address"},
		// RFC 7766 section 6.2.3: what was not answered before the close is asked again.
		{name: "one and closes", behaviour: primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: n, Connections: 1, Answer: 1, Close: true}},
			connections: 1 + n - 1, sequential: true},
		{name: "three and closes", behaviour: primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: n, Connections: 1, Answer: 3, Close: true}},
			connections: 1 + n - 3, sequential: true},
		{name: "closes", behaviour: primarytest.Behaviour{CloseAt: 1, Pipelined: primarytest.Pipelined{Gather: n, Connections: 1}},
			connections: 1 + n, want: "*"},
		{name: "one and is silent", behaviour: primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: n, Connections: 1, Answer: 1}},
			connections: 1 + n - 1, sequential: true, after: patience},
		{name: "silent", behaviour: primarytest.Behaviour{Silent: true, Pipelined: primarytest.Pipelined{Gather: n}},
			connections: 1, after: DefaultIdle, want: "no message within 30s"},
		// RFC 7766 section 7: ids, and the question, tell whose an answer is.
		{name: "unknown ids together", behaviour: primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: n, Connections: 1, ID: inverted}}, connections: 1 + n},
		{name: "unknown ids always", behaviour: primarytest.Behaviour{WrongID: true, Pipelined: primarytest.Pipelined{Gather: n, Connections: 1}},
			connections: 1 + n, want: "an id that is not that of the query"},
		{name: "an unknown id in the middle", behaviour: primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: n, Connections: 1,
			ID: func(ids []uint16, i int) uint16 {
				if i == 4 {
					return inverted(ids, i)
				}
				return ids[i]
			}}}, connections: 1 + n - 4, sequential: true},
		{name: "each other's ids", behaviour: primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: n, Connections: 1,
			ID: func(ids []uint16, i int) uint16 { return ids[(i+1)%n] }}}, connections: 1 + n},
		{name: "one id", behaviour: primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: n, Connections: 1,
			ID: func(ids []uint16, _ int) uint16 { return ids[0] }}}, connections: 1 + n - 1, sequential: true},
		{name: "another's questions", behaviour: primarytest.Behaviour{WrongQuestion: true, Pipelined: primarytest.Pipelined{Gather: n, Connections: 1}},
			connections: 1 + n, want: "*"},
		{name: "garbage", behaviour: primarytest.Behaviour{Garbage: true, Pipelined: primarytest.Pipelined{Gather: n, Connections: 1}}, connections: 1 + n, want: "*"},
		{name: "two octets", behaviour: primarytest.Behaviour{Edit: func(_ int, msg []byte) []byte { return msg[:2] },
			Pipelined: primarytest.Pipelined{Gather: n, Connections: 1}}, connections: 1 + n, want: "2 octets are too short for a message"},
		{name: "nothing", behaviour: primarytest.Behaviour{Edit: func(int, []byte) []byte { return nil },
			Pipelined: primarytest.Pipelined{Gather: n, Connections: 1}}, connections: 1 + n, want: "0 octets are too short for a message"},
		{name: "no authority", behaviour: primarytest.Behaviour{Edit: func(_ int, msg []byte) []byte { msg[2] &^= 4; return msg },
			Pipelined: primarytest.Pipelined{Gather: n, Connections: 1}}, connections: 1 + n, want: "the answer is not authoritative: AA is not set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				zones := numbered(t, n)
				p := primarytest.Pipe(t, "192.0.2.1:53", zones...)
				p.Behave(test.behaviour)
				var conns Conns
				defer conns.Close()
				c := Client{Dial: primarytest.Dialer(p), Conns: &conns}
				begin := time.Now()
				for i, err := range together(t, &c, p, zones) {
					want := fmt.Sprintf("SOA of z%d.example. from 192.0.2.1:53: %s", i, test.want)
					switch {
					case test.want == "" && err != nil, test.want != "" && err == nil, test.want != "" && test.want != "*" && err.Error() != want:
						t.Errorf("got  %v\nwant %s", err, want)
					}
				}
				if after := time.Since(begin); after != test.after {
					t.Errorf("after %v, want %v", after, test.after)
				}
				if got := p.Counts().Connections; got != test.connections {
					t.Errorf("%d connections, want %d", got, test.connections)
				}
				if c.sequential(p) != test.sequential {
					t.Errorf("asked one by one from now on: %v", !test.sequential)
				}
				if open := c.Open(p.Addr()).peer.open; len(open) > 0 {
					t.Errorf("%d connections are still open to be joined", len(open))
				}
			})
		})
	}
}

// A primary that does not take several questions at once is asked one after the other for an hour.
func TestPipelineSequential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zones := numbered(t, 3)
		p := primarytest.Pipe(t, "192.0.2.1:53", zones...)
		var conns Conns
		defer conns.Close()
		var passed time.Duration
		c := Client{Dial: primarytest.Dialer(p), Conns: &conns, Now: func() time.Time { return time.Now().Add(passed) }}
		for _, step := range []struct {
			passed      time.Duration
			behaviour   primarytest.Behaviour
			connections int // to it from the begin
		}{
			{0, primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: 3, Connections: 1, Answer: 2, Close: true}}, 2},
			{spareTime - time.Minute, primarytest.Behaviour{Delay: time.Second}, 4}, // one is kept
			{spareTime + time.Minute, primarytest.Behaviour{Delay: time.Second}, 4},
		} {
			passed = step.passed
			p.Behave(step.behaviour)
			for _, err := range together(t, &c, p, zones) {
				if err != nil {
					t.Error(err)
				}
			}
			if got := p.Counts().Connections; got != step.connections {
				t.Errorf("after %v: %d connections, want %d", passed, got, step.connections)
			}
		}
	})
}

// One whose time is over leaves the others alone: its answer is passed over when it comes, and its id not used until then.
func TestPipelineCancel(t *testing.T) {
	for _, backwards := range []bool{false, true} {
		for leaves := range 3 {
			t.Run(fmt.Sprintf("%d, backwards %v", leaves, backwards), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					zones := numbered(t, 4)
					p := primarytest.Pipe(t, "192.0.2.1:53", zones...)
					p.Behave(primarytest.Behaviour{Pipelined: primarytest.Pipelined{Gather: 4, Backwards: backwards}})
					var conns Conns
					defer conns.Close()
					c := Client{Dial: primarytest.Dialer(p), Conns: &conns}
					why := errors.New("the zone was removed")
					var all sync.WaitGroup
					ask := func(i int) (cancel func()) {
						ctx, cancelCause := context.WithCancelCause(t.Context())
						all.Go(func() {
							defer cancelCause(nil)
							soa, err := c.Probe(ctx, p.Addr(), zones[i].Apex())
							if i == leaves {
								if e, ok := errors.AsType[*Error](err); !ok || e.Phase != PhaseCancelled || !errors.Is(err, why) {
									t.Errorf("%v, want that it is cancelled", err)
								}
							} else if err != nil || soa.Serial != zone.Serial(100+i) {
								t.Errorf("zone %d: serial %d, %v", i, soa.Serial, err)
							}
						})
						synctest.Wait()
						return func() { cancelCause(why) }
					}
					cancels := []func(){ask(0), ask(1), ask(2)}
					cancels[leaves]()
					synctest.Wait()
					if l := c.Open(p.Addr()).peer.open[0]; len(l.waiting) != 2 || len(l.lost) != 1 {
						t.Errorf("%d wait, %d are lost", len(l.waiting), len(l.lost))
					}
					ask(3) // the one that the primary waits for before it answers
					all.Wait()
					if n := p.Counts().Connections; n != 1 {
						t.Errorf("%d connections", n)
					}
				})
			})
		}
	}
}

// The last that is left by all others ends the connection with its own time.
func TestPipelineAllLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zones := numbered(t, 8)
		p := primarytest.Pipe(t, "192.0.2.1:53", zones...)
		p.Behave(primarytest.Behaviour{Silent: true})
		var conns Conns
		defer conns.Close()
		c := Client{Dial: primarytest.Dialer(p), Conns: &conns}
		var all sync.WaitGroup
		for i, z := range zones {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(10+i%4)*time.Second)
				defer cancel()
				_, err := c.Probe(ctx, p.Addr(), z.Apex())
				if want := fmt.Sprintf("no answer within %ds", 10+i%4); err == nil || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("%v, want %s", err, want)
				}
			})
		}
		all.Wait()
		if n := p.Counts().Connections; n != 1 || conns.Kept() != 0 || c.sequential(p) {
			t.Errorf("%d connections, %d kept", n, conns.Kept())
		}
	})
}

// No more are under way on one connection than may be, and their ids differ.
func TestPipelineBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zones := numbered(t, 2*mostUnderWay+1)
		p := primarytest.Pipe(t, "192.0.2.1:53", zones...)
		var mu sync.Mutex // guards ids
		ids := map[uint16]bool{}
		p.Behave(primarytest.Behaviour{
			Delay: time.Millisecond, Pipelined: primarytest.Pipelined{Gather: mostUnderWay, Connections: 2},
			Seen: func(query []byte) {
				mu.Lock()
				defer mu.Unlock()
				ids[binary.BigEndian.Uint16(query)] = true
			},
		})
		var conns Conns
		defer conns.Close()
		c := Client{Dial: primarytest.Dialer(p), Conns: &conns}
		for _, err := range together(t, &c, p, zones) {
			if err != nil {
				t.Error(err)
			}
		}
		if n := p.Counts().Connections; n != 3 || len(ids) < len(zones)-3 { // those of two connections may be the same by chance
			t.Errorf("%d connections, %d ids", n, len(ids))
		}
	})
	l := newLink(&peer{})
	for range 1 << 12 { // many more than ever, so that chance would repeat some
		id := l.freeID()
		if slices.Contains(l.lost, id) {
			t.Fatalf("id %d is given twice", id)
		}
		l.lost = append(l.lost, id)
	}
}

// A question that gets no answer while the others get theirs all the time is asked again by itself.
func TestPipelinePassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zones := numbered(t, 3)
		p := primarytest.Pipe(t, "192.0.2.1:53", zones...)
		p.Behave(primarytest.Behaviour{Delay: 10 * time.Millisecond, Pipelined: primarytest.Pipelined{Gather: 2, Connections: 1, Backwards: true, Answer: 1}})
		var conns Conns
		defer conns.Close()
		c := Client{Dial: primarytest.Dialer(p), Conns: &conns}
		begin := time.Now()
		var all sync.WaitGroup
		probe := func(z *primarytest.Zone) {
			if _, err := c.Probe(t.Context(), p.Addr(), z.Apex()); err != nil {
				t.Error(err)
			}
		}
		all.Go(func() {
			probe(zones[0])
			if after := time.Since(begin); after < patience || after > 3*patience {
				t.Errorf("answered after %v", after)
			}
		})
		synctest.Wait()
		for _, z := range zones[1:] {
			all.Go(func() {
				for time.Since(begin) < 2*patience {
					probe(z)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if !c.sequential(p) {
			t.Error("not known to be asked one by one")
		}
	})
}
