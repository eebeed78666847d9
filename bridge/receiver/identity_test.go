package receiver_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// suffix is what the id of another body under a known id ends with.
func suffix(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "." + hex.EncodeToString(sum[:4])
}

// lies lists what is stored as topic, id and, where it is set, the provider's id.
func (s *store) lies() []string {
	var all []string
	for _, m := range s.all() {
		line := strings.TrimPrefix(m.topic, "hookspan.") + " " + m.event.ID
		if original := m.event.Extension("hookspanoriginalid"); original != "" {
			line += " of " + original
		}
		all = append(all, line)
	}
	return all
}

const (
	a1 = `{"event":"a"}`
	a2 = `{"event":"a","more":1}`
	a3 = `{"event":"a","more":2}`
)

// A known id with another body is another event, also after a restart and at another replica.
func TestAnotherBodyUnderAKnownId(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy receiver.Policy
		want   []string
	}{
		{"", []string{"events.shop.a 1", "events.shop.a 1" + suffix(a2) + " of 1", "events.shop.a 1" + suffix(a3) + " of 1"}},
		{receiver.Quarantine, []string{"events.shop.a 1", "quarantine 1" + suffix(a2) + " of 1", "quarantine 1" + suffix(a3) + " of 1"}},
		{receiver.Drop, []string{"events.shop.a 1"}},
	} {
		w := setup(t, func(o *receiver.Options) { o.Sources[0].Altered = c.policy })
		for _, body := range []string{a1, a2, a1, a2, a3} {
			if got := w.send("1", body); got.status != 202 {
				t.Errorf("%q: %+v", c.policy, got)
			}
		}
		if diff := cmp.Diff(c.want, w.store.lies()); diff != "" {
			t.Errorf("%q (-want +stored):\n%s", c.policy, diff)
		}
		if n := w.counted("hookspan_intake_altered_total", "source", "shop"); n != 3 {
			t.Errorf("%q: altered counted %v", c.policy, n)
		}
		after := setup(t, func(o *receiver.Options) { o.Sources[0].Altered, o.History = c.policy, w.store })
		for _, body := range []string{a1, a2, a3} {
			after.send("1", body)
		}
		if got := after.store.lies(); len(got) != 0 {
			t.Errorf("%q: published again after a restart: %v", c.policy, got)
		}
		if after.send("1", `{"event":"b"}`); c.policy != receiver.Drop && len(after.store.all()) != 1 {
			t.Errorf("%q: a new body after a restart: %v", c.policy, after.store.lies())
		}
	}
}

func TestAnotherBodyIsKnownToOtherReplicas(t *testing.T) {
	t.Parallel()
	one, two, f := replicas(t)
	<-f.calls
	one.send("1", a1)
	f.await(t, "1")
	two.send("1", a2)
	f.await(t, "1"+suffix(a2))
	for _, body := range []string{a1, a2} {
		two.send("1", body)
	}
	want := []string{"events.shop.a 1", "events.shop.a 1" + suffix(a2) + " of 1"}
	if diff := cmp.Diff(want, one.store.lies()); diff != "" {
		t.Errorf("(-want +stored):\n%s", diff)
	}
}

// The first of two that race is on its way, and may fail yet, when the second comes.
func TestAnotherBodyWhileTheFirstIsUnderway(t *testing.T) {
	t.Parallel()
	for _, policy := range []receiver.Policy{receiver.Publish, receiver.Drop} {
		entered, release := make(chan struct{}), make(chan struct{})
		told := make(chan struct{})
		w := setup(t, func(o *receiver.Options) {
			o.Sources[0].Altered = policy
			o.Log = slog.New(teller{o.Log.Handler(), "repeated id came with another body", told})
		})
		w.store.before = hold(a1, entered, release)
		first := make(chan answer, 1)
		q := w.request("POST", "/webhooks/shop", "1", []byte(a1), nil)
		go func() { first <- w.do(q) }()
		<-entered
		second := make(chan answer, 1)
		q = w.request("POST", "/webhooks/shop", "1", []byte(a2), nil)
		go func() { second <- w.do(q) }()
		<-told
		if policy == receiver.Publish {
			if got := <-second; got.status != 202 {
				t.Errorf("the second: %+v", got)
			}
		}
		close(release) // the first one fails
		if got := <-first; got.status != 503 {
			t.Errorf("the first: %+v", got)
		}
		if policy == receiver.Drop {
			if got := <-second; got.status != 503 {
				t.Errorf("dropped for one that was not stored: %+v", got)
			}
		}
	}
}

// A request that is sent again under another id, which nobody signed, is seen.
func TestARepeatUnderAnotherId(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy receiver.Policy
		want   []string
	}{
		{"", []string{"events.shop.a 1", "events.shop.a 2 of 2", "events.shop.a 3"}},
		{receiver.Quarantine, []string{"events.shop.a 1", "quarantine 2 of 2", "events.shop.a 3"}},
		{receiver.Drop, []string{"events.shop.a 1", "events.shop.a 3"}},
	} {
		before := setup(t, func(o *receiver.Options) { o.Sources[0].Altered = c.policy })
		before.send("1", a1)
		after := setup(t, func(o *receiver.Options) { o.Sources[0].Altered, o.History = c.policy, before.store })
		for _, id := range []string{"2", "2", "1"} {
			if got := after.send(id, a1); got.status != 202 {
				t.Errorf("%q: %+v", c.policy, got)
			}
		}
		after.send("3", a2)
		if diff := cmp.Diff(c.want, append(before.store.lies(), after.store.lies()...)); diff != "" {
			t.Errorf("%q (-want +stored):\n%s", c.policy, diff)
		}
		if n := after.counted("hookspan_intake_altered_total", "source", "shop"); n != 1 {
			t.Errorf("%q: altered counted %v", c.policy, n)
		}
	}
}

func TestDedupKeys(t *testing.T) {
	t.Parallel()
	const b1, b2 = `{"event":"a","n":1,"key":"k"}`, `{"event":"a","n":2,"key":"k"}`
	type sent struct{ id, key, body string }
	for key, c := range map[string]struct {
		sent []sent
		want []string
	}{
		"provider":     {[]sent{{"1", "", a1}, {"1", "", a1}}, []string{"1"}},
		"none":         {[]sent{{"1", "", a1}, {"1", "", a1}}, []string{"1", "1"}},
		"content":      {[]sent{{"1", "", a1}, {"2", "", a1}, {"2", "", a2}, {"1", "", a3}, {"1", "", a3}}, []string{"1", "2", "1" + suffix(a3) + " of 1"}},
		"header:X-Key": {[]sent{{"1", "x", a1}, {"2", "x", a1}, {"1", "y", a1}, {"1", "y", a1}, {"3", "", a2}, {"3", "", a2}, {"4", "x", a3}}, []string{"1", "1" + suffix("y") + " of 1", "3", "4" + suffix(a3) + " of 4"}},
		"/key":         {[]sent{{"1", "", b1}, {"2", "", b1}, {"3", "", b2}, {"4", "", a1}, {"4", "", a1}}, []string{"1", "3" + suffix(b2) + " of 3", "4"}},
	} {
		w := setup(t, func(o *receiver.Options) { o.Sources[0].DedupKey = key })
		again := setup(t, func(o *receiver.Options) { o.Sources[0].DedupKey, o.History, o.Publisher = key, w.store, w.store })
		for _, s := range c.sent {
			w.do(w.request("POST", "/webhooks/shop", s.id, []byte(s.body), http.Header{"X-Key": {s.key}}))
		}
		if err := again.receiver.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, s := range c.sent {
			if key != "none" {
				again.do(w2(again, s.id, s.key, s.body))
			}
		}
		var got []string
		for _, line := range w.store.lies() {
			got = append(got, strings.TrimPrefix(line, "events.shop.a "))
		}
		// What was signed alike under another id says so.
		for i := range got {
			if id, of, ok := strings.Cut(got[i], " of "); ok && id == of {
				got[i] = id
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +stored):\n%s", key, diff)
		}
	}
}

// A header that a proxy repeats, or puts on one line, is the key that it was.
func TestAKeyOnSeveralLines(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) { o.Sources[0].DedupKey = "header:X-Key" })
	for _, lines := range [][]string{{"x"}, {"x", "x"}, {"x", "y"}, {"x, y"}, {"y", "x"}} {
		if got := w.do(w.request("POST", "/webhooks/shop", "unnamed", []byte(a1), http.Header{"X-Key": lines})); got.status != 202 {
			t.Errorf("%q: %+v", lines, got)
		}
	}
	if diff := cmp.Diff([]string{"events.shop.a x", "events.shop.a x, y", "events.shop.a y, x"}, w.store.lies()); diff != "" {
		t.Errorf("(-want +stored):\n%s", diff)
	}
}

func w2(w *world, id, key, body string) *http.Request {
	return w.request("POST", "/webhooks/shop", id, []byte(body), http.Header{"X-Key": {key}})
}

func TestWithoutAWindowNothingIsARepeat(t *testing.T) {
	t.Parallel()
	for _, edit := range []func(*receiver.Source){
		func(s *receiver.Source) { s.DedupWindow = new(time.Duration) },
		func(s *receiver.Source) { s.DedupKey = "none" },
	} {
		w := setup(t, func(o *receiver.Options) { edit(&o.Sources[0]) })
		for range 3 {
			w.send("1", a1)
			w.send("unnamed", a1) // the provider gives no id
		}
		var named, others []string
		for _, m := range w.store.all() {
			if m.options.Key != "" || m.options.Mark != "" {
				t.Errorf("published with %+v", m.options)
			}
			if m.event.ID == "1" {
				named = append(named, m.event.ID)
			} else {
				others = append(others, m.event.ID)
			}
		}
		slices.Sort(others)
		if len(named) != 3 || len(slices.Compact(others)) != 3 {
			t.Errorf("stored %v, %v", named, others)
		}
		if n := w.counted("hookspan_dedup_ids"); n != 0 {
			t.Errorf("%v ids are kept", n)
		}
	}
}

// Two sources with one CloudEvents source do not disturb each other, whatever became of their
// events.
func TestQuarantineIsRememberedBySource(t *testing.T) {
	t.Parallel()
	two := func(o *receiver.Options) {
		o.Sources[0].URI = "https://shop.example"
		other := o.Sources[0]
		other.Name = "shop-eu"
		o.Sources = append(o.Sources, other)
	}
	before := setup(t, two)
	before.send("1", "not JSON")
	after := setup(t, func(o *receiver.Options) { two(o); o.History = before.store })
	for _, path := range []string{"/webhooks/shop", "/webhooks/shop-eu", "/webhooks/shop-eu"} {
		if got := after.do(after.request("POST", path, "1", []byte("not JSON"), nil)); got.status != 202 {
			t.Errorf("%s: %+v", path, got)
		}
	}
	after.do(after.request("POST", "/webhooks/shop-eu", "1", []byte(a1), nil))
	if diff := cmp.Diff([]string{"quarantine 1", "events.shop-eu.a 1"}, after.store.lies()); diff != "" {
		t.Errorf("(-want +stored):\n%s", diff)
	}
}

// What could not be read, and then can under the same id, is an event; so is the reverse. Each
// of several that cannot be read is there.
func TestAnEventMayHaveLainInQuarantine(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for _, s := range [][2]string{{"1", "not JSON"}, {"1", a1}, {"1", a1}, {"1", "not JSON"}, {"2", "not JSON"}, {"3", a2}, {"3", "no"}} {
		w.send(s[0], s[1])
	}
	want := []string{"quarantine 1", "events.shop.a 1", "quarantine 2 of 2", "events.shop.a 3", "quarantine 3"}
	if diff := cmp.Diff(want, w.store.lies()); diff != "" {
		t.Errorf("(-want +stored):\n%s", diff)
	}
}

func TestARepeatLeavesALineWithItsId(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.send("delivery-7", a1)
	w.send("delivery-7", a1)
	w.send("delivery-7", a2)
	w.stop()
	log := w.log.String()
	for _, line := range []string{
		`level=INFO msg="event repeated" source=shop event=delivery-7 type=com.shop.a`,
		`level=WARN msg="repeated id came with another body" source=shop event=delivery-7`,
	} {
		if strings.Count(log, line) != 1 {
			t.Errorf("the log lacks %q:\n%s", line, log)
		}
	}
}

// A window is as long as it says, also when the history is read.
func TestAWindowOfAMinute(t *testing.T) {
	t.Parallel()
	minute := time.Minute
	past := setup(t, nil)
	old := func(id string, ago time.Duration) {
		past.send(id, a1)
		past.store.stored[len(past.store.stored)-1].event.Time = time.Now().Add(-ago)
	}
	old("young", 50*time.Second)
	old("old", 70*time.Second)
	w := setup(t, func(o *receiver.Options) { o.Sources[0].DedupWindow, o.History = &minute, past.store })
	w.send("young", a1)
	w.send("old", a1)
	if diff := cmp.Diff([]string{"events.shop.a old of old"}, w.store.lies()); diff != "" {
		t.Errorf("(-want +stored):\n%s", diff)
	}
}

// hold keeps events with a body from being stored until release is closed, and then fails them.
func hold(body string, entered, release chan struct{}) func(context.Context, *event.Event) error {
	return func(_ context.Context, e *event.Event) error {
		if string(e.Data) != body {
			return nil
		}
		close(entered)
		<-release
		return bus.ErrUnavailable
	}
}

// A teller closes a channel at the one line that a test waits for.
type teller struct {
	slog.Handler
	line string
	told chan struct{}
}

func (h teller) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == h.line {
		close(h.told)
	}
	return h.Handler.Handle(ctx, r)
}
