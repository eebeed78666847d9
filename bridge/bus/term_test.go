package bus_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

func over(t *bus.Term) bool {
	select {
	case <-t.Over():
		return true
	default:
		return false
	}
}

// pass lets time go by, within synctest.
func pass(d time.Duration) { <-time.After(d) }

func TestATermCountsFromBeforeTheRenewalWasSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		term := bus.NewTerm(10*time.Second, begin)
		pass(6 * time.Second)
		sent := time.Now()
		pass(3 * time.Second) // the renewal is on its way
		if !term.Holds() || !term.Renew(sent) {
			t.Fatal("the term is over after 9 s")
		}
		pass(7*time.Second - time.Millisecond)
		if !term.Holds() || over(term) {
			t.Error("the term is over within 10 s of when its renewal was sent")
		}
		pass(2 * time.Millisecond)
		if term.Holds() || !over(term) {
			t.Error("the term lasts longer than 10 s from when its renewal was sent")
		}
	})
}

func TestATermThatIsOverStaysOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		term := bus.NewTerm(10*time.Second, time.Now())
		pass(9 * time.Second)
		sent := time.Now()
		pass(2 * time.Second)
		if term.Renew(sent) || term.Renew(time.Now()) || term.Holds() {
			t.Error("a renewal whose answer came too late revived the term")
		}
		ended := bus.NewTerm(10*time.Second, time.Now())
		ended.End()
		if ended.Renew(time.Now()) || ended.Holds() || !over(ended) {
			t.Error("a term that was ended lasts")
		}
		if late := bus.NewTerm(time.Second, time.Now().Add(-2*time.Second)); late.Holds() || late.Renew(time.Now()) {
			t.Error("a term begins although its time is up")
		}
	})
}

// diary is a member that writes down what it is told.
type diary struct {
	lines  []string
	lease  bus.Lease
	giving chan struct{} // Give returns when it can receive, or its context ends
}

func (d *diary) Take(_ int, l bus.Lease) { d.lines, d.lease = append(d.lines, "take"), l }
func (d *diary) Lose(int)                { d.lines = append(d.lines, "lose") }
func (d *diary) Give(ctx context.Context, _ int) {
	d.lines = append(d.lines, "give")
	select {
	case <-d.giving:
		d.lines = append(d.lines, "given")
	case <-ctx.Done():
		d.lines = append(d.lines, "cut short")
	}
}

func (d *diary) check(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if !slices.Equal(d.lines, want) {
		t.Errorf("the member was told %q, want %q", d.lines, want)
	}
}

func TestAShardIsHeldUntilItWasGiven(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{giving: make(chan struct{})}
		h := bus.NewHolder(d)
		term := bus.NewTerm(10*time.Second, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		h.Take(3, term)
		cancel() // to leave does not cut a giving short
		h.Give(ctx, 3)
		h.Give(ctx, 3)
		d.check(t, "take", "give")
		if !h.Has(3) || !d.lease.Holds() {
			t.Error("the shard is not held while it is given")
		}
		d.giving <- struct{}{}
		<-h.Changed()
		d.check(t, "take", "give", "given")
		if h.Has(3) || d.lease.Holds() {
			t.Error("the shard is held after it was given")
		}
		h.Take(3, term)
		h.Give(ctx, 3)
		term.End()
		h.Lose()
		h.Wait()
		d.check(t, "take", "give", "given", "take", "give", "cut short")
	})
}

func TestWhatIsNotBeingGivenIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		h := bus.NewHolder(d)
		term := bus.NewTerm(10*time.Second, time.Now())
		h.Take(3, term)
		h.Give(t.Context(), 4)
		<-term.Over()
		h.Lose()
		h.Lose()
		d.check(t, "take", "lose")
		if h.Has(3) || d.lease.Holds() {
			t.Error("what was lost is held")
		}
	})
}
