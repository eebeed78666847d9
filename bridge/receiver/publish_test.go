package receiver_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// The members of a batch lie on the bus in the order in which they came, also where some of
// them are repeats or cannot be stored.
func TestABatchKeepsItsOrder(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.store.before = func(_ context.Context, e *event.Event) error {
		if e.ID == "3-7" {
			return bus.ErrUnavailable
		}
		return nil
	}
	var want []string
	for n := range 20 {
		var members []string
		for i := range 100 {
			id := fmt.Sprintf("%d-%d", n, i)
			members = append(members, fmt.Sprintf(`{"event":"a","id":"%s"}`, id))
			if i == 5 {
				members = append(members, members[0])
			}
			if id != "3-7" {
				want = append(want, id)
			}
		}
		w.send("", "["+strings.Join(members, ",")+"]")
	}
	var got []string
	for _, m := range w.store.all() {
		got = append(got, m.event.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-sent +stored):\n%s", diff)
	}
}

func TestAFailureSaysOnceWhatFailed(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.store.before = func(context.Context, *event.Event) error {
		return fmt.Errorf("publish to hookspan.events.shop.a: %w", bus.ErrUnavailable) // as the adapters say it
	}
	w.send("1", `{"event":"a"}`)
	w.stop()
	if log := w.log.String(); strings.Count(log, "publish to") != 1 || strings.Count(log, "bus unavailable") != 1 {
		t.Errorf("log %s", log)
	}
}

func TestPublishThatHangsIs503InTime(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) { o.PublishTimeout = 1 })
	w.store.before = func(ctx context.Context, _ *event.Event) error {
		<-ctx.Done()
		return ctx.Err()
	}
	if got := w.send("1", `{"event":"a"}`); got.status != 503 || got.code() != "bus_unavailable" {
		t.Errorf("answer %+v", got)
	}
}

// A bus may not keep to the limit that it was given.
func TestPublishThatNeverAnswersIs503InTime(t *testing.T) {
	t.Parallel()
	answers := make(chan struct{})
	w := setup(t, func(o *receiver.Options) { o.PublishTimeout = 100 * time.Millisecond })
	w.store.before = func(context.Context, *event.Event) error { <-answers; return nil }
	for range 2 { // the sender's next try waits for the same publish
		began := time.Now()
		got := w.send("1", `{"event":"a"}`)
		if took := time.Since(began); got.status != 503 || got.code() != "bus_unavailable" || got.header.Get("Retry-After") == "" || took > 15*time.Second {
			t.Errorf("answer after %v: %+v", took, got)
		}
	}
	if n := w.counted("hookspan_intake_memory_bytes"); n == 0 {
		t.Error("the body of what may still be published is not in hand")
	}
	if err := w.receiver.Close(t.Context()); err != nil {
		t.Errorf("Close waits for what was answered: %v", err)
	}
	close(answers)
	if _, err := w.store.wait(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

func TestAPublishedAnswerThatCameLateCounts(t *testing.T) {
	t.Parallel()
	answers, calls := make(chan struct{}), make(chan struct{}, 10)
	w := setup(t, func(o *receiver.Options) { o.PublishTimeout = 100 * time.Millisecond })
	w.store.before = func(context.Context, *event.Event) error { calls <- struct{}{}; <-answers; return nil }
	if got := w.send("1", `{"event":"a"}`); got.status != 503 {
		t.Fatalf("answer %+v", got)
	}
	close(answers)
	if got := w.send("1", `{"event":"a"}`); got.status != 202 || len(calls) != 1 || len(w.store.all()) != 1 {
		t.Errorf("after the bus has answered: %+v, %d calls", got, len(calls))
	}
}

func TestAPublishThatPanicsIsA503(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.store.before = func(context.Context, *event.Event) error { panic("no such stream") }
	for _, body := range []string{`{"event":"a"}`, `[{"event":"a","id":"x"},{"event":"a","id":"y"}]`} {
		if got := w.send("1", body); got.status != 503 || strings.Contains(got.body, "stream") {
			t.Errorf("answer %+v", got)
		}
	}
	w.store.before = nil
	if got := w.send("1", `{"event":"a"}`); got.status != 202 {
		t.Errorf("later: %+v", got)
	}
}
