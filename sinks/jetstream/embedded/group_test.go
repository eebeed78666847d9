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
		g := newGroup(flush, func(_ time.Duration, n int) { told = append(told, n) }, func(error) {})
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
		g := newGroup(func() error { return nil }, func(time.Duration, int) {}, func(error) {})
		ctx, stop := context.WithCancelCause(t.Context())
		stop(ErrClosed)
		g.run(ctx)
		if err := g.Wait(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("wait returned %v, want ErrClosed", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		g = newGroup(func() error { return nil }, func(time.Duration, int) {}, func(error) {})
		if err := g.Wait(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("wait returned %v, want the context's", err)
		}
	})
}
