package bustest

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Site is a bus for several installations, and how its patterns are written.
type Site struct {
	Own, Other string // namespaces
	// Open opens a store that is closed when the test ends. Without patterns it follows what it does
	// by default; its intake writes to <namespace>.events.shop.
	Open func(namespace string, topics ...string) (bus.Store, error)
	// Below is the pattern of all topics in a namespace.
	Below func(namespace string) string
	// Alone are patterns that stand for a topic, or what lies below it, and nothing else.
	Alone func(topic string) []string
}

// Private checks what becomes of patterns that take in what Hookspan keeps beside events (T8). site
// returns a fresh bus.
func Private(t *testing.T, site func(t *testing.T) Site) {
	t.Run("T8 what is kept beside events is followed by no pattern", func(t *testing.T) {
		t.Parallel()
		keptIsNotFollowed(t, site(t))
	})
	t.Run("T8 a pattern of nothing else is refused", func(t *testing.T) {
		t.Parallel()
		nothingElseIsRefused(t, site(t))
	})
	t.Run("T8 no event is published there", func(t *testing.T) {
		t.Parallel()
		noEventIsPublishedThere(t, site(t))
	})
}

// events are the topics of events that an installation writes itself.
func events(namespace string) []string {
	return []string{namespace + ".quarantine", namespace + ".unverified", namespace + ".dead", namespace + ".ops"}
}

// records are what every installation keeps beside events, by the last word of its topic.
func records() []string { return []string{"state", "registry", "commands", "journal", "refusals"} }

func noEventIsPublishedThere(t *testing.T, site Site) {
	s, err := site.Open(site.Own)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range records() {
		if _, err := s.Publish(within(t), site.Own+"."+what, order(1), bus.PublishOptions{}); err == nil || errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("publish to the %s: %v", what, err)
		}
	}
}

func keptIsNotFollowed(t *testing.T, site Site) {
	other, err := site.Open(site.Other)
	if err != nil {
		t.Fatal(err)
	}
	want := keepAll(t, other, site.Other)
	own, err := site.Open(site.Own, site.Below(site.Own), site.Below(site.Other))
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, keepAll(t, own, site.Own)...)
	keepAll(t, other, site.Other)
	slices.Sort(want)
	doors := map[string]bus.Topics{"Topics": own}
	if k, ok := own.(bus.Kept); ok {
		doors["Kept"] = k.Kept()
	}
	for door, topics := range doors {
		var got []string
		for id, m := range readAll(t, topics) {
			got = append(got, m.Topic)
			if id != m.Topic {
				t.Errorf("%s: on %s lies %+v, which is no event", door, m.Topic, m.Event)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: read what lies on %q, want %q", door, got, want)
		}
	}
}

// keepAll writes something of everything that an installation has on the bus, and returns the
// topics of events. Each has one event, whose id is the topic's name.
func keepAll(t *testing.T, s bus.Store, namespace string) []string {
	t.Helper()
	topics := append(events(namespace), namespace+".events.shop")
	for _, name := range topics {
		e := order(1)
		e.ID = name
		if _, err := s.Publish(within(t), name, e, bus.PublishOptions{Reserved: true}); err != nil {
			t.Fatalf("publish to %s: %v", name, err)
		}
	}
	for _, log := range []bus.LogName{{Kind: bus.Registry}, {Kind: bus.State, Shard: 3}, {Kind: bus.Commands}, {Kind: bus.Alerts}} {
		chain := bus.NewChain(s, log)
		readChain(t, chain)
		write(t, chain, "record")
	}
	_, journaled := appendEntry(t, s, 3, []byte("entry"))
	var refused error
	if r, ok := s.(bus.Refusals); ok {
		refused = r.AppendRefusal(within(t), []byte("refusal"))
	}
	if err := cmp.Or(journaled, refused); err != nil {
		t.Fatal(err)
	}
	return topics
}

func nothingElseIsRefused(t *testing.T, site Site) {
	other, err := site.Open(site.Other)
	if err != nil {
		t.Fatal(err)
	}
	keepAll(t, other, site.Other)
	for _, namespace := range []string{site.Own, site.Other} {
		for _, what := range records() {
			for _, pattern := range site.Alone(namespace + "." + what) {
				_, err := site.Open(site.Own, site.Below(site.Own), pattern)
				var private *bus.PrivateError
				if !errors.As(err, &private) || errors.Is(err, bus.ErrUnavailable) || private.Namespace != namespace || !strings.Contains(err.Error(), pattern) {
					t.Errorf("a store that follows %s is opened with %v", pattern, err)
				}
			}
		}
	}
	for _, name := range events(site.Own) {
		for _, pattern := range site.Alone(name) {
			if _, err := site.Open(site.Own, pattern); err != nil {
				t.Errorf("a store that follows %s is opened with %v", pattern, err)
			}
		}
	}
}
