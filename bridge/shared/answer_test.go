package shared_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hookspan/hookspan/bridge/shared"
)

// Who asks while a question is on its way shares the next one: its answer may be from before.
func TestOneAnswerServesAllWhoAskedBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, asked := shared.New[int](), 0
		answer := make(chan struct{}) // the test sends, a question ends
		ask := func(context.Context) (int, error) {
			asked++
			n := asked
			<-answer
			return n, nil
		}
		var group sync.WaitGroup
		want := func(n int) {
			group.Go(func() {
				if got, err := a.Get(t.Context(), ask); err != nil || got != n {
					t.Errorf("answer %d, %v, want %d", got, err, n)
				}
			})
		}
		want(1)
		synctest.Wait()
		for range 20 {
			want(2)
		}
		synctest.Wait()
		answer <- struct{}{}
		answer <- struct{}{}
		group.Wait()
		if asked != 2 {
			t.Errorf("asked %d times, want 2", asked)
		}
		want(3)
		answer <- struct{}{}
		group.Wait()
	})
}

func TestAnErrorServesNobodyElse(t *testing.T) {
	t.Parallel()
	a, broken := shared.New[int](), errors.New("broken")
	if _, err := a.Get(t.Context(), func(context.Context) (int, error) { return 1, broken }); !errors.Is(err, broken) {
		t.Errorf("%v, want the error", err)
	}
	if got, err := a.Get(t.Context(), func(context.Context) (int, error) { return 2, nil }); err != nil || got != 2 {
		t.Errorf("%d, %v, want 2", got, err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, stop := shared.New[int](), make(chan struct{})
		go func() {
			_, _ = a.Get(t.Context(), func(context.Context) (int, error) { <-stop; return 1, nil })
		}()
		synctest.Wait()
		why := errors.New("shutdown")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		if _, err := a.Get(ctx, nil); !errors.Is(err, why) {
			t.Errorf("%v, want the cause", err)
		}
		close(stop)
	})
}
