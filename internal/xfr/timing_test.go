package xfr

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/concord-dns/concord/internal/primarytest"
)

// Each row is one call against a primary that is slow in its own way, in virtual time.
func TestTiming(t *testing.T) {
	removed := errors.New("the zone was removed")
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
	}
	cancelled := func(ctx context.Context, d time.Duration) (context.Context, func()) {
		ctx, cancel := context.WithCancelCause(ctx)
		timer := time.AfterFunc(d, func() { cancel(removed) })
		return ctx, func() { timer.Stop(); cancel(nil) }
	}
	deadline := func(ctx context.Context, d time.Duration) (context.Context, func()) {
		return context.WithTimeout(ctx, d)
	}
	tests := []struct {
		name      string
		behaviour primarytest.Behaviour
		client    Client
		context   func(context.Context, time.Duration) (context.Context, func())
		ends      time.Duration // of context
		probe     bool
		phase     Phase
		timeout   bool
		want      string
		after     time.Duration
	}{
		{name: "silent", behaviour: primarytest.Behaviour{Silent: true}, client: Client{Idle: 5 * time.Second},
			phase: PhaseTimeout, timeout: true, want: "no message within 5s", after: 5 * time.Second},
		{name: "silent to a probe", behaviour: primarytest.Behaviour{Silent: true}, probe: true,
			phase: PhaseTimeout, timeout: true, want: "no message within 30s", after: DefaultIdle},
		{name: "silent in the middle", behaviour: primarytest.Behaviour{SilentAfter: 2, Delay: 20 * time.Second, MessageSize: 512},
			phase: PhaseTimeout, timeout: true, want: "no message within 30s", after: 40*time.Second + DefaultIdle},
		{name: "octet by octet", behaviour: primarytest.Behaviour{Drip: time.Second},
			phase: PhaseTimeout, timeout: true, want: "no message within 30s", after: DefaultIdle},
		{name: "each message just in time", behaviour: primarytest.Behaviour{Delay: 29 * time.Second, RecordsPerMessage: 1},
			phase: PhaseTimeout, timeout: true, want: "not finished within 10m0s", after: DefaultTime},
		{name: "no connection", client: Client{Dial: hang},
			phase: PhaseDial, timeout: true, want: "no connection within 10s", after: maxDial},
		{name: "no connection in an idle time", client: Client{Dial: hang, Idle: 3 * time.Second},
			phase: PhaseDial, timeout: true, want: "no connection within 3s", after: 3 * time.Second},
		{name: "no connection in the whole time", client: Client{Dial: hang, Time: 2 * time.Second},
			phase: PhaseDial, timeout: true, want: "not finished within 2s", after: 2 * time.Second},

		{name: "cancelled while connecting", client: Client{Dial: hang}, context: cancelled, ends: time.Second,
			phase: PhaseCancelled, want: "the zone was removed", after: time.Second},
		{name: "cancelled while waiting", behaviour: primarytest.Behaviour{Silent: true}, context: cancelled, ends: time.Second,
			phase: PhaseCancelled, want: "the zone was removed", after: time.Second},
		{name: "cancelled in a message", behaviour: primarytest.Behaviour{Drip: time.Second}, context: cancelled, ends: 7 * time.Second,
			phase: PhaseCancelled, want: "the zone was removed", after: 7 * time.Second},
		{name: "cancelled before", context: cancelled,
			phase: PhaseCancelled, want: "the zone was removed"},
		{name: "the caller's deadline", behaviour: primarytest.Behaviour{Silent: true}, context: deadline, ends: 10 * time.Second,
			probe: true, phase: PhaseTimeout, timeout: true, want: "no answer within 10s", after: 10 * time.Second},
		{name: "the caller's deadline while connecting", client: Client{Dial: hang}, context: deadline, ends: 4 * time.Second,
			probe: true, phase: PhaseDial, timeout: true, want: "no connection within 4s", after: 4 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := exampleZone(t, 7)
				p := primarytest.Pipe(t, "192.0.2.1:53", z)
				p.Behave(test.behaviour)
				if test.client.Dial == nil {
					test.client.Dial = primarytest.Dialer(p)
				}
				ctx := t.Context()
				if test.context != nil {
					var stop func()
					ctx, stop = test.context(ctx, test.ends)
					defer stop()
					if test.ends == 0 {
						<-ctx.Done()
					}
				}
				begin := time.Now()
				kind := "AXFR"
				var err error
				if test.probe {
					kind = "SOA"
					_, err = test.client.Probe(ctx, p.Addr(), z.Apex())
				} else {
					_, err = test.client.AXFR(ctx, p.Addr(), z.Apex(), nil, 0)
				}
				after := time.Since(begin)
				e, ok := errors.AsType[*Error](err)
				if !ok {
					t.Fatalf("%v, want an *Error", err)
				}
				want := kind + " of example.org. from 192.0.2.1:53: " + test.want
				if e.Error() != want || e.Phase != test.phase || e.Timeout() != test.timeout {
					t.Errorf("got  %v (timeout %v): %v\nwant %v (timeout %v): %v", e.Phase, e.Timeout(), e, test.phase, test.timeout, want)
				}
				if after != test.after {
					t.Errorf("after %v, want %v", after, test.after)
				}
				if test.context != nil && !errors.Is(err, context.Cause(ctx)) {
					t.Errorf("%v does not wrap the cause", err)
				}
			})
		})
	}
}

// A slow transfer whose messages all come in time is whole.
func TestSlowTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := exampleZone(t, 7)
		p := primarytest.Pipe(t, "192.0.2.1:53", z)
		p.Behave(primarytest.Behaviour{Delay: 25 * time.Second, MessageSize: 512})
		c := Client{Dial: primarytest.Dialer(p)}
		got, err := c.AXFR(t.Context(), p.Addr(), z.Apex(), nil, 0)
		if err != nil || got.Version().Root() != z.Version(t).Root() {
			t.Fatal(err)
		}
		if want := time.Duration(got.Stats().Messages) * 25 * time.Second; got.Stats().Duration != want {
			t.Errorf("%v, want %v", got.Stats().Duration, want)
		}
	})
}
