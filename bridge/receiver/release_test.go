package receiver_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// What was released is known like an event that came: in the process that released it, and in one that
// learns of it from the bus.
func TestWhatWasReleasedIsKnown(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.send("1", "not JSON")
	mended := &event.Event{ID: "1", Source: "/sources/shop", Type: "com.shop.a", Time: time.Now(), Data: []byte(a1)}
	releases := receiver.Releases{Publisher: w.store, Receiver: w.receiver}
	if _, err := releases.Publish(t.Context(), "hookspan.events.shop.a", mended, bus.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	released := &store{stored: w.store.all()}
	after := setup(t, func(o *receiver.Options) { o.History = released })
	for _, w := range []*world{w, after} {
		before := len(w.store.all())
		for _, body := range []string{a1, a2, "not JSON"} {
			if got := w.send("1", body); got.status != 202 {
				t.Errorf("%s: %+v", body, got)
			}
		}
		if diff := cmp.Diff([]string{"events.shop.a 1" + suffix(a2) + " of 1"}, w.store.lies()[before:]); diff != "" {
			t.Errorf("(-want +stored):\n%s", diff)
		}
	}
}

// What was published anew, as a restore does, is known by all that it was known by, for as long as if it
// had not moved. Of what came without a mark the id and the data are known.
func TestWhatWasRestoredIsKnown(t *testing.T) {
	t.Parallel()
	const b1, b2 = `{"event":"a","key":"k"}`, `{"event":"a","key":"k","more":1}`
	keyed := func(s *receiver.Source) { s.DedupKey = "/key" }
	type sent struct{ id, body string }
	for name, c := range map[string]struct {
		edit   func(*receiver.Source)
		ago    time.Duration
		bare   bool
		before sent
		after  []sent
		want   []string
	}{
		"an id":                         {before: sent{"1", a1}, after: []sent{{"1", a1}, {"1", a2}}, want: []string{"events.shop.a 1" + suffix(a2) + " of 1"}},
		"an id, without a mark":         {bare: true, before: sent{"1", a1}, after: []sent{{"1", a1}, {"1", a2}}, want: []string{"events.shop.a 1" + suffix(a2) + " of 1"}},
		"an id in quarantine":           {before: sent{"1", "no"}, after: []sent{{"1", "no"}, {"1", a1}}, want: []string{"events.shop.a 1"}},
		"a key":                         {edit: keyed, before: sent{"1", b1}, after: []sent{{"2", b1}, {"3", b2}}, want: []string{"events.shop.a 3" + suffix(b2) + " of 3"}},
		"what was signed":               {before: sent{"1", a1}, after: []sent{{"2", a1}}, want: []string{"events.shop.a 2 of 2"}},
		"what is older than its window": {ago: receiver.DefaultDedupWindow + time.Hour, before: sent{"1", a1}, after: []sent{{"1", a2}}, want: []string{"events.shop.a 1"}},
	} {
		edit := func(o *receiver.Options) {
			if c.edit != nil {
				c.edit(&o.Sources[0])
			}
		}
		past := setup(t, edit)
		past.send(c.before.id, c.before.body)
		restored := &store{stored: past.store.all()}
		for i := range restored.stored {
			m := &restored.stored[i]
			if c.bare {
				m.options.Mark = ""
			}
			for range 2 { // from bus to bus, and once more
				m.options.Mark = receiver.MarkOf(m.options.Mark, &m.event, m.event.Time.Add(-c.ago))
			}
			if len(m.options.Mark) > bus.MaxMark {
				t.Errorf("%s: the mark has %d bytes", name, len(m.options.Mark))
			}
		}
		now := setup(t, func(o *receiver.Options) { edit(o); o.History = restored })
		for _, s := range c.after {
			if got := now.send(s.id, s.body); got.status != 202 {
				t.Errorf("%s: %+v", name, got)
			}
		}
		if diff := cmp.Diff(c.want, now.store.lies()); diff != "" {
			t.Errorf("%s (-want +stored):\n%s", name, diff)
		}
	}
}
