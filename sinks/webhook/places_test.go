package webhook

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// roomy has so many places, and no connection to close.
func roomy(most int) *places {
	p := newPlaces(most, nil, newPlaceMetrics())
	p.shed = func(string) bool { return false }
	return p
}

func (p *places) must(t *testing.T, address string) *place {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	pl, err := p.take(ctx, address, nil)
	if err != nil {
		t.Fatalf("no place for %s: %v", address, err)
	}
	return pl
}

func (p *places) refused(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := p.take(ctx, address, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: got %v, want that it waits", address, err)
	}
}

// empty fails where something is kept of addresses that have nothing.
func (p *places) empty(t *testing.T) {
	t.Helper()
	for address, h := range p.holders {
		h.manner = unknown // of which something is kept without end
		p.forget(address)
	}
	if p.taken != 0 || p.hungTaken != 0 || p.waiting.Load() != 0 || len(p.holders) != 0 {
		t.Errorf("left: %d taken, %d by those that hung, %d waiting, %d addresses", p.taken, p.hungTaken, p.waiting.Load(), len(p.holders))
	}
}

// A connection that became idle after who waits has looked, and before it waited, is not waited for.
func TestNobodyWaitsBesideAnIdleConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := roomy(2)
		a, b := p.must(t, "a"), p.must(t, "a")
		looked := false
		pl, err := p.take(t.Context(), "a", func() bool {
			if looked = true; p.waiting.Load() != 1 {
				t.Error("it looks before it waits")
			}
			return true
		})
		if pl != nil || err != nil || !looked {
			t.Errorf("got %v, %v", pl, err)
		}
		pl, err = p.take(t.Context(), "a", func() bool { a.free(); return true }) // its turn comes meanwhile
		if pl == nil || err != nil {
			t.Fatalf("got %v, %v", pl, err)
		}
		pl.free()
		b.free()
		p.empty(t)
	})
}

func TestAnAddressHasHalfOfThePlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := roomy(4)
		a, b := p.must(t, "a"), p.must(t, "a")
		p.refused(t, "a")
		c, d := p.must(t, "b"), p.must(t, "c")
		p.refused(t, "d")
		for _, pl := range []*place{a, b, c, d} {
			pl.free()
			pl.free() // a second time it is nobody's
		}
		p.empty(t)
	})
}

func TestThoseThatHungLeaveAQuarter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := roomy(4)
		all := []string{"a", "b", "c", "d"}
		for _, address := range all {
			pl := p.must(t, address)
			p.ended(address, &delivery.Response{Reason: delivery.ReasonTimeout}, 0)
			pl.free()
		}
		three := []*place{p.must(t, "a"), p.must(t, "b"), p.must(t, "c")}
		p.refused(t, "d")
		p.must(t, "new").free()
		p.ended("d", &delivery.Response{Reason: delivery.ReasonStopped}, time.Minute)
		p.refused(t, "d")
		p.ended("d", &delivery.Response{Status: 200}, 0)
		p.must(t, "d").free()
		for i, address := range all[:3] {
			three[i].free()
			p.ended(address, &delivery.Response{Status: 500, Reason: delivery.ReasonStatus}, 0)
		}
		p.empty(t)
	})
}

// A place that is free goes to who has fewest, and by turns.
func TestPlacesGoRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := roomy(2)
		first, second := p.must(t, "a"), p.must(t, "b")
		got := make(chan *place, 6) // waiters send, once each
		for _, address := range []string{"a", "a", "a", "b", "c", "c"} {
			go func() {
				pl, err := p.take(t.Context(), address, nil)
				if err != nil {
					t.Error(err)
				}
				got <- pl
			}()
			synctest.Wait()
		}
		first.free()
		for i, want := range []string{"c", "a", "b", "c", "a", "a"} {
			pl := <-got
			if pl.address != want {
				t.Errorf("place %d went to %s, want %s", i, pl.address, want)
			}
			if i == 0 {
				second.free()
				synctest.Wait()
			}
			pl.free()
			synctest.Wait() // so that they come in the order in which they got theirs
		}
		p.empty(t)
	})
}

// Those that are quick do not wait behind those that are slow, but for each fourth place; those that
// are not known come before those that hung.
func TestQuickOnesComeFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := roomy(2)
		p.ended("quick", &delivery.Response{Status: 500, Reason: delivery.ReasonStatus}, time.Millisecond)
		p.ended("slow", &delivery.Response{Status: 200}, time.Minute)
		p.ended("hung", &delivery.Response{Reason: delivery.ReasonConnect}, time.Minute)
		first, second := p.must(t, "a"), p.must(t, "b")
		got := make(chan *place, 20) // waiters send, once each
		for _, address := range []string{"hung", "slow", "new", "quick", "quick", "quick", "quick"} {
			go func() {
				pl, err := p.take(t.Context(), address, nil)
				if err != nil {
					t.Error(err)
				}
				got <- pl
			}()
			synctest.Wait()
		}
		first.free()
		var order []string
		for range cap(got) {
			synctest.Wait()
			if len(got) == 0 {
				break
			}
			pl := <-got
			order = append(order, pl.address)
			pl.free()
		}
		second.free()
		if got := strings.Join(order, " "); got != "quick quick slow quick quick new hung" && got != "quick quick new quick quick slow hung" {
			t.Errorf("places went to %s", got)
		}
		p.empty(t)
	})
}

func TestAnAttemptDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := roomy(1)
		one := p.must(t, "a")
		begun := time.Now()
		_, err := p.take(t.Context(), "b", nil)
		if res := failed(t.Context(), 0, err); res.Reason != delivery.ReasonCrowded || time.Since(begun) != patience {
			t.Errorf("after %v: %+v", time.Since(begun), res)
		}
		one.free()
		p.empty(t)
	})
}

// A connection is shown as idle before those that wait are counted: whoever begins to wait in between
// finds it.
func TestAConnectionIsIdleBeforeWaitersAreCounted(t *testing.T) {
	t.Parallel()
	p := roomy(1)
	kept := &idle{places: p, conns: map[string][]*conn{}}
	t.Cleanup(kept.shut)
	p.waiting.Add(1) // so that they are counted
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = theirs.Close() })

	p.mu.Lock() // nobody counts meanwhile
	done := make(chan struct{})
	go func() { defer close(done); kept.put("a", newConn(ours)) }()
	for late := time.Now().Add(10 * time.Second); !kept.has("a"); runtime.Gosched() {
		if time.Now().After(late) {
			t.Error("who begins to wait now does not find the connection")
			break
		}
	}
	p.taken++
	p.holder("a").taken++
	p.mu.Unlock()
	<-done
}
