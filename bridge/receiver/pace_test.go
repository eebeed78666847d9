package receiver

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// deadlines is an answer whose connection is read until the deadline that was set last.
type deadlines struct {
	http.ResponseWriter
	read time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.read = t
	return nil
}

func (d *deadlines) SetWriteDeadline(time.Time) error { return nil }

// A body has its grace and then keeps up with the rate, counted from its begin: neither a trickle that
// never pauses for long gets through, nor does who was fast earn a pause.
func TestABodyKeepsUp(t *testing.T) {
	t.Parallel()
	const grace, rate = 10 * time.Second, 1000
	for name, c := range map[string]struct {
		first int64 // bytes at once
		every time.Duration
		cut   time.Duration // from the begin; 0: never in a minute
	}{
		"at the rate":            {0, time.Second, 0},
		"at half of the rate":    {0, 2 * time.Second, 19 * time.Second},
		"never pausing for long": {0, 9 * time.Second, 11 * time.Second},
		"fast, then not at all":  {1 << 20, time.Hour, 11 * time.Second},
		"fast, then slower":      {1 << 20, 9 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				bs, begun := newBodies(1<<30, grace, rate), time.Now()
				w := &deadlines{ResponseWriter: httptest.NewRecorder(), read: begun.Add(grace)}
				b := &body{of: bs, source: &share{}}
				if err := bs.arrive(b, w, netip.MustParseAddr("192.0.2.1"), begun, smallBody); err != nil {
					t.Fatal(err)
				}
				p := pace{bodies: bs}
				size := c.first
				p.allow(b, size)
				for {
					next := time.Now().Add(c.every)
					if w.read.Before(next) && w.read.Before(begun.Add(time.Minute)) {
						if got := w.read.Sub(begun); got != c.cut {
							t.Errorf("cut after %v, want %v", got, c.cut)
						}
						return
					}
					if next.After(begun.Add(time.Minute)) {
						break
					}
					<-time.After(c.every)
					size += rate
					p.allow(b, size)
				}
				if c.cut != 0 {
					t.Errorf("not cut within a minute, want it after %v", c.cut)
				}
			})
		})
	}
}
