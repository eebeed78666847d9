package receiver_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

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
		if took := time.Since(began); got.status != 503 || got.code() != "bus_unavailable" || got.header.Get("Retry-After") == "" || took > 3*time.Second {
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
