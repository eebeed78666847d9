package aside_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/kafka"
)

const taken = 256 << 10 // bytes of a message

// buses take messages of 256 KiB.
func buses(t *testing.T) map[string]bus.Store {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	inner, err := embedded.Open(t.Context(), embedded.Options{Dir: t.TempDir(), Sync: embedded.Lazy, MaxPayload: taken, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inner.Close() })
	nats, err := jetstream.Open(t.Context(), inner.Conns(), jetstream.Options{
		Topics: []string{"hookspan.dead"}, EventStore: inner.EventStore(), PrivateStore: inner.PrivateStore(), Disk: inner, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nats.Close() })
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	brokers, err := kafka.Open(t.Context(), kafka.Options{
		Brokers: cluster.ListenAddrs(), Topics: []string{"hookspan.dead"}, Partitions: 1, Shards: 1, MaxBytes: taken, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = brokers.Close() })
	return map[string]bus.Store{"jetstream": nats, "kafka": brokers}
}

// found is what lies on the topic of dead letters, from an event on.
func found(t *testing.T, s bus.Store, n int) (all []bus.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	spans, err := s.Spans(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, span := range spans {
		front := bus.Position{Identity: span.Identity, Seq: span.First - 1}
		err := s.Follow(ctx, span.Partition, front, func(batch []bus.Message) error {
			for _, m := range batch {
				if m.Topic == "hookspan.dead" {
					all = append(all, m)
				}
			}
			if len(all) >= n {
				return errFound
			}
			return nil
		})
		if !errors.Is(err, errFound) {
			t.Fatal(err)
		}
	}
	return all
}

var errFound = errors.New("all are there")

func TestALetterIsCutToWhatTheBusTakes(t *testing.T) {
	t.Parallel()
	long := func(text string) string { return strings.Repeat(text, 300<<10/len(text)) }
	cases := []struct {
		name             string
		change           func(e *event.Event)
		attributes, data bool // are cut
	}{
		{"small", func(*event.Event) {}, false, false},
		{"attributes that no header holds", func(e *event.Event) { e.SetExtension("note", strings.Repeat("n", 100<<10)) }, false, false},
		{"much data", func(e *event.Event) { e.Data = []byte(long("ü")) }, false, true},
		{"much data that is no text", func(e *event.Event) { e.Data = []byte(long("\xff\x00")) }, false, true},
		{"id", func(e *event.Event) { e.ID = long("<") }, true, false},
		{"source", func(e *event.Event) { e.Source = "https://shop.example/" + long("%20") }, true, false},
		{"source that cannot be cut", func(e *event.Event) { e.Source = "urn:" + long("a%20b%20") }, true, false},
		{"type", func(e *event.Event) { e.Type = long("t") }, true, false},
		{"subject", func(e *event.Event) { e.Subject = long("ü") }, true, false},
		{"dataschema", func(e *event.Event) { e.DataSchema = "https://shop.example/" + long("s") }, true, false},
		{"datacontenttype", func(e *event.Event) { e.DataContentType = "text/plain; x=" + long("x") }, true, false},
		{"extension", func(e *event.Event) { e.SetExtension("note", long("ü")) }, true, false},
		{"extension of ours", func(e *event.Event) { e.SetExtension(delivery.ExtensionHeaders, long("ü")) }, true, false},
		{"partition key", func(e *event.Event) { e.SetExtension("partitionkey", long("k")) }, true, false},
		{"many extensions", func(e *event.Event) {
			for n := range 10_000 {
				e.Extensions = append(e.Extensions, event.Extension{Name: fmt.Sprintf("x%05d", n), Value: "30 bytes of what nobody needs"})
			}
		}, true, false},
		{"all", func(e *event.Event) {
			e.ID, e.Source, e.Type, e.Subject, e.Data = long("ü"), "/"+long("é"), long("é"), long("<"), []byte(long("d"))
		}, true, true},
		{"said of itself", func(e *event.Event) { e.SetExtension(delivery.ExtensionCutData, "1") }, false, false},
	}
	for name, s := range buses(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			letters := make([]*event.Event, len(cases))
			for i, c := range cases {
				e := dispatchtest.Event(i, "com.acme.order")
				e.DataContentType, e.Data = "application/json", []byte(`{"order":17}`)
				c.change(&e)
				e.SetExtension("tenant", "acme")
				e.SetExtension(delivery.ExtensionReason, "exhausted")
				letters[i] = &e
				cut, err := aside.Put(t.Context(), s, aside.Letter{Topic: "hookspan.dead", Event: &e, Key: fmt.Sprint("dead ", i), Place: "EVENTS/1/17"})
				if err != nil || cut != (c.attributes || c.data) {
					t.Errorf("%s: %v, cut %v", c.name, err, cut)
				}
			}
			for i, m := range found(t, s, len(cases)) {
				if m.Fault != "" || len(m.Flaws) > 0 {
					t.Errorf("%s: read back with %q, %v", cases[i].name, m.Fault, m.Flaws)
				}
				checkLetter(t, cases[i].name, letters[i], m.Event, cases[i].attributes, cases[i].data)
			}
		})
	}
}

// checkLetter holds what lies aside against what was to.
func checkLetter(t *testing.T, name string, want, got *event.Event, attributes, data bool) {
	t.Helper()
	cutAttributes, cutData := got.Extension(delivery.ExtensionCutAttributes), got.Extension(delivery.ExtensionCutData)
	if (cutAttributes != "") != attributes || (cutData != "") != data || data && cutData != fmt.Sprint(len(want.Data)) {
		t.Errorf("%s: marked with %q and %q", name, cutAttributes, cutData)
	}
	if !attributes && !data {
		whole := *want
		whole.Extensions = nil
		for _, x := range want.Extensions {
			if x.Name != delivery.ExtensionCutData {
				whole.Extensions = append(whole.Extensions, x)
			}
		}
		if diff := cmp.Diff(delivery.Restored(&whole), delivery.Restored(got)); diff != "" {
			t.Errorf("%s: %.500s", name, diff)
		}
		return
	}
	if got.Extension("tenant") != "acme" || got.Extension(delivery.ExtensionReason) != "exhausted" || got.Extension(delivery.ExtensionPlace) != "EVENTS/1/17" || !strings.Contains(got.Extension(delivery.ExtensionDetail), "cut short") {
		t.Errorf("%s: %.3000v", name, got.Extensions)
	}
	if !want.HasID(got.ID) || got.Type != event.Short(want.Type) || got.Subject != event.Short(want.Subject) || !got.Time.Equal(want.Time) {
		t.Errorf("%s: %.200q %.200q %.200q %v", name, got.ID, got.Type, got.Subject, got.Time)
	}
	if least := 150 << 10; !bytes.HasPrefix(want.Data, got.Data) || len(got.Data) < min(len(want.Data), least) {
		t.Errorf("%s: %d bytes of data of %d", name, len(got.Data), len(want.Data))
	}
}

// A full publisher takes nothing.
type full struct{ bus.Publisher }

func (full) Publish(context.Context, string, *event.Event, bus.PublishOptions) (bus.Receipt, error) {
	return bus.Receipt{}, fmt.Errorf("publish: %w", bus.ErrTooLarge)
}

func (full) MaxBytes() int64 { return 1 << 20 }

func TestALetterThatNoBusTakes(t *testing.T) {
	t.Parallel()
	e := dispatchtest.Event(1, "t")
	if cut, err := aside.Put(t.Context(), full{}, aside.Letter{Topic: "dead", Event: &e}); cut || !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("%v, %v", cut, err)
	}
}
