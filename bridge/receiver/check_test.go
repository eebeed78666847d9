package receiver_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// checking is a schema of all types.
type checking func(*event.Event, func(int64) error) error

func (c checking) Check(e *event.Event, take func(int64) error) (string, error) {
	return "", c(e, take)
}

func (checking) Declared(string) string { return "" }

// What checks against schemas have in hand is a quarter of the intake's memory, however many
// requests there are, or one check's that needs more; and bodies have the rest.
func TestChecksAgainstSchemasAreBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		each int64
		most int64 // at once
	}{{64 << 10, 4}, {100 << 10, 2}, {900 << 10, 1}} {
		var now, worst atomic.Int64
		w := setup(t, func(o *receiver.Options) {
			o.Memory = 1 << 20
			o.Sources[0].Schema = receiver.Reject
			o.Schemas = checking(func(_ *event.Event, take func(int64) error) error {
				if err := take(c.each); err != nil {
					return err
				}
				defer now.Add(-1)
				for n := now.Add(1); ; {
					if was := worst.Load(); n <= was || worst.CompareAndSwap(was, n) {
						return nil
					}
				}
			})
		})
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				if got := w.send(fmt.Sprint(i), a1); got.status != 202 {
					t.Errorf("%d bytes: %+v", c.each, got)
				}
			})
		}
		all.Wait()
		if n := worst.Load(); n > c.most {
			t.Errorf("%d checks at once of %d bytes each, want %d at the most", n, c.each, c.most)
		}
	}
}

func TestNoRoomForACheck(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	var first sync.Once
	w := setup(t, func(o *receiver.Options) {
		o.Memory, o.PublishTimeout = 1<<20, 50*time.Millisecond
		o.Sources[0].Schema = receiver.Reject
		o.Schemas = checking(func(e *event.Event, take func(int64) error) error {
			n := int64(256 << 10)
			if strings.HasSuffix(e.Type, "vast") {
				n = 2 << 20
			}
			if err := take(n); err != nil {
				return err
			}
			first.Do(func() { close(entered); <-release })
			return errors.New("unfit")
		})
	})
	var all sync.WaitGroup
	all.Go(func() {
		if got := w.send("1", a1); got.status != 422 {
			t.Errorf("the first: %+v", got)
		}
	})
	<-entered
	if got := w.send("2", a1); got.status != 503 || got.code() != "overloaded" {
		t.Errorf("while there is no room: %+v", got)
	}
	if got := w.send("3", `{"event":"vast"}`); got.status != 422 {
		t.Errorf("what there will never be room for: %+v", got)
	}
	close(release)
	all.Wait()
	if got := w.send("4", a1); got.status != 422 {
		t.Errorf("afterwards: %+v", got)
	}
}
