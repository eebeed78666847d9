package embedded

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// withGroup runs a group in a bubble of time. told is how many waited for each sync.
func withGroup(t *testing.T, flush func() error, test func(t *testing.T, g *group, told *[]int)) {
	synctest.Test(t, func(t *testing.T) {
		var told []int
		g := newGroup(flush, func(_ time.Duration, n int) { told = append(told, n) })
		ctx, stop := context.WithCancelCause(t.Context())
		var running sync.WaitGroup
		running.Go(func() { g.run(ctx) })
		test(t, g, &told)
		stop(ErrClosed)
		running.Wait()
	})
}

func TestASyncThatRunsIsNoUseToWhoComesLater(t *testing.T) {
	t.Parallel()
	let, began := make(chan struct{}, 2), 0
	withGroup(t, func() error {
		began++
		for len(let) == 0 {
			<-time.After(time.Millisecond)
		}
		<-let
		return nil
	}, func(t *testing.T, g *group, told *[]int) {
		var early, late sync.WaitGroup
		var lateDone atomic.Bool
		early.Go(func() {
			if err := g.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // the first flush runs
		for range 64 {
			late.Go(func() {
				if err := g.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				lateDone.Store(true)
			})
		}
		synctest.Wait()
		let <- struct{}{}
		early.Wait()
		synctest.Wait()
		if lateDone.Load() {
			t.Error("those who came during the first sync were done with it")
		}
		let <- struct{}{}
		late.Wait()
		synctest.Wait()
		if began != 2 || len(*told) != 2 || (*told)[1] != 64 {
			t.Errorf("%d syncs for waiters %v, want the second for 64", began, *told)
		}
	})
}

func TestASyncsErrorIsForThoseWhoWaitedForIt(t *testing.T) {
	t.Parallel()
	broken := errors.New("input/output error")
	next := broken
	withGroup(t, func() error { return next }, func(t *testing.T, g *group, _ *[]int) {
		if err := g.Wait(t.Context()); !errors.Is(err, broken) {
			t.Errorf("wait returned %v, want %v", err, broken)
		}
		next = nil
		if err := g.Wait(t.Context()); err != nil {
			t.Errorf("wait returned %v after a good sync", err)
		}
	})
}

func TestASyncWaitsForOthersButNotLong(t *testing.T) {
	t.Parallel()
	const length = 3 * time.Millisecond
	withGroup(t, func() error { <-time.After(length); return nil }, func(t *testing.T, g *group, told *[]int) {
		var all sync.WaitGroup
		for range 20 { // publish again and again
			all.Go(func() {
				for range 10 {
					if err := g.Wait(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		began := time.Now()
		if err := g.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if held := time.Since(began) - length; held <= 0 || held > length/2 {
			t.Errorf("one who came alone was held for %v", held)
		}
		synctest.Wait()
		if last := (*told)[len(*told)-1]; last != 1 {
			t.Errorf("the last sync carried %d", last)
		}
	})
}

func TestAClosedGroupTellsSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(func() error { return nil }, func(time.Duration, int) {})
		ctx, stop := context.WithCancelCause(t.Context())
		stop(ErrClosed)
		g.run(ctx)
		if err := g.Wait(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("wait returned %v, want ErrClosed", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		g = newGroup(func() error { return nil }, func(time.Duration, int) {})
		if err := g.Wait(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("wait returned %v, want the context's", err)
		}
	})
}

// told is a waiter that keeps what it was told.
type told chan error

func (c told) Synced(turn uint64, err error) {
	if turn != 7 {
		err = errors.New("told of another turn")
	}
	c <- err
}

func TestWhoJoinsIsToldOfASyncThatBeganAfter(t *testing.T) {
	t.Parallel()
	var let chan error
	broken := errors.New("input/output error")
	withGroup(t, func() error { return <-let }, func(t *testing.T, g *group, _ *[]int) {
		let = make(chan error, 2)
		early, late := make(told, 1), make(told, 1)
		if !g.join(early, 7) {
			t.Error("a group that runs was not joined")
		}
		synctest.Wait() // the first flush runs
		if !g.join(late, 7) {
			t.Error("a group that syncs was not joined")
		}
		let <- broken
		if err := <-early; !errors.Is(err, broken) {
			t.Errorf("told %v, want %v", err, broken)
		}
		synctest.Wait()
		if len(late) != 0 {
			t.Errorf("told %v of a sync that had begun before", <-late)
		}
		let <- nil
		if err := <-late; err != nil {
			t.Errorf("told %v after a good sync", err)
		}
	})
}

func TestAClosedGroupIsNotJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(func() error { return nil }, func(time.Duration, int) {})
		before := make(told, 1)
		if !g.join(before, 7) {
			t.Error("it could not be joined before")
		}
		ctx, stop := context.WithCancelCause(t.Context())
		stop(ErrClosed)
		g.close(ctx)
		if err := <-before; !errors.Is(err, ErrClosed) {
			t.Errorf("told %v, want ErrClosed", err)
		}
		if g.join(before, 7) {
			t.Error("it was joined")
		}
	})
}
