package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// A feed is one process's view of a bus that others use too.
type feed struct {
	*store
	told   chan string // every id, once the receiver has taken it in
	breaks chan error  // what is sent here ends the report in hand
	calls  chan time.Time
}

func newFeed(s *store) *feed {
	return &feed{store: s, told: make(chan string, 10_000), breaks: make(chan error), calls: make(chan time.Time, 100)}
}

func (f *feed) FollowPublished(ctx context.Context, since time.Time, each func(bus.Publication) error) error {
	f.calls <- since
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-f.breaks:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	err := f.store.FollowPublished(ctx, since, func(p bus.Publication) error {
		err := each(p)
		f.told <- p.ID
		return err
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// await returns once the receiver has taken in an event.
func (f *feed) await(t *testing.T, id string) {
	t.Helper()
	limit := time.After(90 * time.Second)
	for {
		select {
		case got := <-f.told:
			if got == id {
				return
			}
		case <-limit:
			t.Fatalf("%s has not come", id)
		}
	}
}

// replicas are two processes over one bus.
func replicas(t *testing.T) (one, two *world, f *feed) {
	t.Helper()
	one = setup(t, nil)
	f = newFeed(one.store)
	two = setup(t, func(o *receiver.Options) { o.Publisher, o.History, o.Shared = one.store, one.store, f })
	return one, two, f
}

func (w *world) repeats() float64 {
	return w.counted("hookspan_intake_requests_total", "source", "shop", "outcome", "repeated")
}

func TestARepeatIsKnownToEveryReplica(t *testing.T) {
	t.Parallel()
	one, two, f := replicas(t)
	<-f.calls
	for id, body := range map[string]string{"1": `{"event":"a"}`, "2": "not JSON"} {
		one.send(id, body)
		f.await(t, id)
	}
	calls := 0
	one.store.before = func(context.Context, *event.Event) error { calls++; return nil }
	for id, body := range map[string]string{"1": `{"event":"a"}`, "2": "not JSON"} {
		if got := two.send(id, body); got.status != 202 {
			t.Errorf("id %s at the other replica: %+v", id, got)
		}
	}
	if n := two.repeats(); n != 2 || calls != 0 || len(one.store.all()) != 2 {
		t.Errorf("repeated counted %v, %d published again", n, calls)
	}
	if n := two.counted("hookspan_dedup_following"); n != 1 {
		t.Errorf("following is shown as %v", n)
	}
}

func TestOwnEventsThatComeBackKeepTheirBody(t *testing.T) {
	t.Parallel()
	_, two, f := replicas(t)
	two.send("1", `{"event":"a"}`)
	f.await(t, "1")
	two.send("1", `{"event":"a"}`)
	if n := two.counted("hookspan_intake_altered_total"); n != 0 {
		t.Errorf("altered counted %v for the same body", n)
	}
	if n := two.counted("hookspan_dedup_ids"); n != 2 { // its id, and what was signed
		t.Errorf("%v fingerprints are kept of one event", n)
	}
	two.send("1", `{"event":"a","more":1}`)
	if n := two.counted("hookspan_intake_altered_total"); n != 1 {
		t.Errorf("altered counted %v for another body", n)
	}
}

// Two replicas that get one id at once have only the bus between them.
func TestARaceOfReplicasIsTheBussToDecide(t *testing.T) {
	t.Parallel()
	one, two, _ := replicas(t)
	entered, release := make(chan struct{}, 2), make(chan struct{})
	one.store.before = func(context.Context, *event.Event) error {
		entered <- struct{}{}
		<-release
		return nil
	}
	answers := make(chan answer, 2)
	for _, w := range []*world{one, two} {
		q := w.request("POST", "/webhooks/shop", "1", []byte(`{"event":"a"}`), nil)
		go func() { answers <- w.do(q) }()
	}
	<-entered
	<-entered
	close(release)
	for range 2 {
		if got := <-answers; got.status != 202 {
			t.Errorf("answer %+v", got)
		}
	}
	if n := one.repeats() + two.repeats(); n != 1 || len(one.store.all()) != 1 {
		t.Errorf("repeated counted %v, %d stored", n, len(one.store.all()))
	}
}

func TestFollowingComesBackWithoutAGap(t *testing.T) {
	t.Parallel()
	one, two, f := replicas(t)
	begun := time.Now()
	if since := <-f.calls; since.After(begun) {
		t.Errorf("following begins at %v, behind the read of the history", since)
	}
	one.send("1", `{"event":"a"}`)
	f.await(t, "1")
	broken := errors.New("no such topic")
	f.breaks <- broken
	one.send("2", `{"event":"a"}`)
	for range 3 {
		<-f.calls
		f.breaks <- broken
	}
	<-f.calls
	f.await(t, "2")
	if got := two.send("2", `{"event":"a"}`); got.status != 202 || two.repeats() != 1 || len(one.store.all()) != 2 {
		t.Errorf("what was published meanwhile: %+v, repeated %v", got, two.repeats())
	}
	two.stop()
	if n := two.counted("hookspan_dedup_following"); n != 0 {
		t.Errorf("following is shown as %v after the end", n)
	}
	log := two.log.String()
	if n := strings.Count(log, "is not followed"); n == 0 || n != strings.Count(log, "is followed again") || !strings.Contains(log, broken.Error()) {
		t.Errorf("log %s", log)
	}
}

// A clock that runs ahead must not push what is known out of the window.
func TestAnEventFromTheFutureForgetsNothing(t *testing.T) {
	t.Parallel()
	one, two, f := replicas(t)
	one.send("1", `{"event":"a"}`)
	f.await(t, "1")
	one.store.mu.Lock()
	for n := range 1000 { // the window forgets in parts, each by the ids that fall to it
		ahead := event.Event{ID: fmt.Sprint("ahead-", n), Source: "/sources/shop", Type: "t", Time: time.Now().AddDate(4, 0, 0)}
		one.store.stored = append(one.store.stored, stored{topic: "hookspan.events.shop.a", event: ahead})
	}
	one.store.mu.Unlock()
	one.send("2", `{"event":"a"}`)
	f.await(t, "2")
	calls := 0
	one.store.before = func(context.Context, *event.Event) error { calls++; return nil }
	for _, id := range []string{"1", "2", "ahead-7"} {
		two.send(id, `{"event":"a"}`)
	}
	if n := two.repeats(); n != 3 || calls != 0 {
		t.Errorf("repeated counted %v of 3, %d were published again", n, calls)
	}
}

func TestATopicPerSource(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) { o.TopicPerSource = true })
	w.send("1", `{"event":"a"}`)
	w.send("2", `{"event":"b.c"}`)
	w.send("3", "not JSON")
	if got := w.store.topics(); !slices.Equal(got, []string{"hookspan.events.shop", "hookspan.events.shop", "hookspan.quarantine"}) {
		t.Errorf("topics %v", got)
	}
	after := setup(t, func(o *receiver.Options) { o.TopicPerSource, o.History = true, w.store })
	if after.send("1", `{"event":"a"}`); after.repeats() != 1 {
		t.Error("the id of the first is not known after a restart")
	}
}
