package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

func TestTopicsThatAreNoSubjects(t *testing.T) {
	t.Parallel()
	store, _ := openStore(t, embedded.Options{}, jetstream.Options{})
	for _, topic := range []string{"", "hookspan.events.", "hookspan..events", ".hookspan", "hookspan.events.*", "hookspan.events.>", "hookspan.events.a b", "hookspan.events.a\r\nPUB x"} {
		if _, err := store.Publish(within(t), topic, order("1"), bus.PublishOptions{}); err == nil {
			t.Errorf("topic %q was taken", topic)
		}
	}
}

// The server takes 64 KB of headers, whatever a message may hold: attributes beyond that are in the
// document of structured mode.
func TestAttributesThatAreTooLarge(t *testing.T) {
	t.Parallel()
	store, _ := openStore(t, embedded.Options{}, jetstream.Options{})
	for name, edit := range map[string]func(*event.Event){
		"an extension": func(e *event.Event) { e.SetExtension("big", string(bytes.Repeat([]byte("x"), 70_000))) },
		"encoded":      func(e *event.Event) { e.Subject = string(bytes.Repeat([]byte("é"), 12_000)) },
		"many of them": func(e *event.Event) {
			for i := range 3000 {
				e.SetExtension(fmt.Sprint("a", i), "a value of some length")
			}
		},
		"all the bytes": func(e *event.Event) { e.Subject = string(bytes.Repeat([]byte("x"), 20<<20)) },
	} {
		e := order("1")
		edit(e)
		for _, structured := range []bool{false, true} {
			_, err := store.Publish(within(t), "hookspan.events.shop", e, bus.PublishOptions{Structured: structured})
			if errors.Is(err, bus.ErrTooLarge) != (name == "all the bytes") || err != nil && name != "all the bytes" {
				t.Errorf("%s, structured %v: %v", name, structured, err)
			}
		}
	}
}

func TestATopicThatNobodyHoldsIsUnavailable(t *testing.T) {
	t.Parallel()
	store, _ := openStore(t, embedded.Options{}, jetstream.Options{})
	if _, err := store.Publish(within(t), "nobody.holds.this", order("1"), bus.PublishOptions{}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("publish: %v, want ErrUnavailable", err)
	}
}

func TestAnEndedContextEndsAPublish(t *testing.T) {
	t.Parallel()
	store, _ := openStore(t, embedded.Options{}, jetstream.Options{})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	for range 100 { // whether the acknowledgement came first is open, but not that it returns
		if _, err := store.Publish(ctx, "hookspan.events.shop", order("1"), bus.PublishOptions{}); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("publish: %v", err)
		}
	}
	if _, err := store.Publish(within(t), "hookspan.events.shop", order("2"), bus.PublishOptions{}); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// An answer that nobody gives: the subscription below makes the subject have a responder, and
// no stream.
func TestAPublishTimesOut(t *testing.T) {
	t.Parallel()
	store, server := openStore(t, embedded.Options{}, jetstream.Options{PublishTimeout: 300 * time.Millisecond})
	var late *nats.Msg
	came := make(chan struct{})
	sub, err := server.Conns().Read.Subscribe("silent", func(m *nats.Msg) {
		late = m
		close(came)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Conns().Read.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Publish(within(t), "silent", order("1"), bus.PublishOptions{}); !errors.Is(err, bus.ErrUnavailable) {
		t.Fatalf("publish: %v, want ErrUnavailable", err)
	}
	<-came
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	// Its acknowledgement comes at last. It must not be taken for the next publish's.
	if err := late.Respond([]byte(`{"stream":"WRONG","seq":999}`)); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		r, err := store.Publish(within(t), "hookspan.events.shop", order("2"), bus.PublishOptions{})
		if err != nil || r.Partition != "HOOKSPAN_EVENTS" {
			t.Fatalf("the next publish: %v %v", r, err)
		}
	}
}

// A leader that leaves takes along what it was sent. What has a key is sent again, and what has
// none is not.
func TestALeaderThatLeavesWithWhatItWasSent(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t, 1, natstest.Config{Domain: "hub"}) // who is behind a domain cannot be known
	store, leader := remoteIn(t, server, jetstream.Options{Domain: "hub", PublishTimeout: time.Second})
	for name, c := range map[string]struct {
		key     string
		answer  string
		tries   int
		refused bool
	}{
		"with a key":                     {"k1", `{"stream":"HOOKSPAN_EVENTS","seq":7,"domain":"hub"}`, 2, false},
		"with a key, by a third leader":  {"k2", `{"stream":"HOOKSPAN_EVENTS","seq":8,"domain":"hub"}`, 3, false},
		"with a key, and never answered": {"k3", "", link.Tries, true},
		"without":                        {"", "", 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			topic := "leaves." + strings.ReplaceAll(strings.ReplaceAll(name, ",", ""), " ", "-")
			keys := make(chan string, 10)
			tries := 0
			sub, err := leader.Subscribe(topic, func(m *nats.Msg) {
				keys <- m.Header.Get("Nats-Msg-Id")
				if tries++; c.answer != "" && tries == c.tries {
					_ = m.Respond([]byte(c.answer)) // what is not answered fails the test
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = sub.Unsubscribe() }()
			if err := leader.Flush(); err != nil {
				t.Fatal(err)
			}
			r, err := store.Publish(within(t), topic, order("1"), bus.PublishOptions{Key: c.key})
			if refused := errors.Is(err, bus.ErrUnavailable); refused != c.refused || (err != nil) != refused || r.Repeated {
				t.Errorf("publish: %+v %v, refused %v", r, err, c.refused)
			}
			if n := len(keys); n != c.tries {
				t.Errorf("it was sent %d times, want %d", n, c.tries)
			}
			for range len(keys) {
				if key := <-keys; key != c.key {
					t.Errorf("sent with the key %q, want %q", key, c.key)
				}
			}
		})
	}
}

// What a server's files never take, however large its payload may be, and what is larger than the whole
// store, is no matter of room.
func TestWhatNeverFitsIsTooLarge(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]embedded.Options{
		"the files of the server": {MaxPayload: 64 << 20, MaxStore: 1 << 30},
		"the whole store":         {MaxPayload: 64 << 20, MaxStore: 16 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := openStore(t, o, jetstream.Options{})
			if _, err := store.Room(within(t)); err != nil {
				t.Fatal(err)
			}
			most := store.MaxBytes()
			if most <= 0 || most > 32<<20 {
				t.Fatalf("it takes %d bytes", most)
			}
			e := order("1")
			e.Data = make([]byte, most-1<<10)
			if _, err := store.Publish(within(t), "hookspan.events.shop", e, bus.PublishOptions{}); err != nil {
				t.Errorf("an event as large as it may be: %v", err)
			}
			e = order("2")
			e.Data = make([]byte, 33<<20)
			if _, err := store.Publish(within(t), "hookspan.events.shop", e, bus.PublishOptions{}); !errors.Is(err, bus.ErrTooLarge) {
				t.Errorf("a larger one: %v, want ErrTooLarge", err)
			}
		})
	}
}

func TestIntakeLeavesRoomForReservedEvents(t *testing.T) {
	t.Parallel()
	store, _ := openStore(t, embedded.Options{MaxStore: 32 << 20}, jetstream.Options{})
	e := order("1")
	e.Data = bytes.Repeat([]byte("x"), 256<<10)
	var err error
	n := 0
	for ; err == nil && n < 1000; n++ {
		e.ID = fmt.Sprint(n)
		_, err = store.Publish(within(t), "hookspan.events.shop", e, bus.PublishOptions{})
	}
	if !errors.Is(err, bus.ErrStoreFull) {
		t.Fatalf("after %d events: %v, want ErrStoreFull", n, err)
	}
	room, err := store.Room(within(t))
	// What is on the way while the size is looked at counts a moment later.
	if err != nil || room.Used > room.Limit-room.Reserved/2 || room.Used < room.Limit/2 {
		t.Errorf("room %+v, %v", room, err)
	}
	if _, err := store.Publish(within(t), "hookspan.dead", e, bus.PublishOptions{Reserved: true}); err != nil {
		t.Errorf("a dead letter: %v", err)
	}
	for shard := range 4 {
		if _, err := store.AppendJournal(within(t), shard, e.Data); err != nil {
			t.Errorf("a journal entry: %v", err)
		}
	}
	if _, err := bus.NewChain(store, bus.LogName{Kind: bus.State}).Append(within(t), e.Data); err != nil {
		t.Errorf("a delta: %v", err)
	}
	// Room comes back with a purge.
	if err := store.PurgeEvents(within(t), "HOOKSPAN_EVENTS", int64(n/2)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Room(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Publish(within(t), "hookspan.events.shop", e, bus.PublishOptions{}); err != nil {
		t.Errorf("after a purge: %v", err)
	}
}

func TestMessagesThatAreNoCloudEventsAreWrapped(t *testing.T) {
	t.Parallel()
	store, server := openStore(t, embedded.Options{}, jetstream.Options{})
	nc := server.Conns().Events
	for _, m := range []*nats.Msg{
		{Subject: "hookspan.events.plain", Data: []byte("hello")},
		{Subject: "hookspan.events.named", Data: []byte(`{"a":1}`), Header: nats.Header{"Nats-Msg-Id": {"message-1"}, "Content-Type": {"application/vnd.acme+json"}}},
		{Subject: "hookspan.events.broken", Data: []byte("x"), Header: nats.Header{"ce-specversion": {"1.0"}, "ce-id": {""}}},
		{Subject: "hookspan.events.real", Data: []byte("x"), Header: nats.Header{"ce-specversion": {"1.0"}, "ce-id": {"7"}, "ce-source": {"/theirs"}, "ce-type": {"their.type"}}},
	} {
		if _, err := nc.RequestMsgWithContext(within(t), m); err != nil {
			t.Fatal(err)
		}
	}
	got := follow(t, store, "HOOKSPAN_EVENTS", 4)
	type seen struct{ id, source, kind, content string }
	var list []seen
	for _, m := range got {
		list = append(list, seen{m.Event.ID, m.Event.Source, m.Event.Type, m.Event.DataContentType})
	}
	place := "HOOKSPAN_EVENTS/" + got[0].Position.Identity
	for i, want := range []seen{
		{place + "/1", "/topics/hookspan.events.plain", "hookspan.events.plain", "text/plain; charset=utf-8"},
		{"message-1", "/topics/hookspan.events.named", "hookspan.events.named", "application/vnd.acme+json"},
		{place + "/3", "/topics/hookspan.events.broken", "hookspan.events.broken", "text/plain; charset=utf-8"},
		{"7", "/theirs", "their.type", ""},
	} {
		if list[i] != want || (got[i].Fault != "") != (i == 2) {
			t.Errorf("message %d: %v, want %v; fault %q", i, list[i], want, got[i].Fault)
		}
		again, err := store.Get(within(t), "HOOKSPAN_EVENTS", got[i].Position)
		if err != nil || again.Event.ID != got[i].Event.ID {
			t.Errorf("get of message %d: %v %v", i, again.Event, err)
		}
	}
}

func TestEventsAreReadWithoutWhatTheyMayNotHave(t *testing.T) {
	t.Parallel()
	store, server := openStore(t, embedded.Options{}, jetstream.Options{})
	nc := server.Conns().Events
	good := nats.Header{"ce-specversion": {"1.0"}, "ce-id": {"7"}, "ce-source": {"/s"}, "ce-type": {"t"}}
	with := func(name, value string) nats.Header {
		h := maps.Clone(good)
		h[name] = []string{value}
		return h
	}
	messages := []struct {
		header       nats.Header
		data         string
		fault, flaws int
	}{
		{good, "x", 0, 0},
		{with("ce-time", "2026-01-02T03:04:05"), "x", 0, 1},
		{with("ce-subject", "a%00b"), "x", 0, 1},
		{with("ce-subject", "\xed\xa0\x80"), "x", 0, 1},
		{with("ce-event_source", "x"), "x", 0, 1},
		{with("ce-type", "a\xffb"), "x", 1, 0},
		{with("ce-id", "%C0%A0"), "x", 1, 0},
		{nats.Header{"content-type": {"application/cloudevents+json"}}, `{"specversion":"1.0","id":"7","source":"/s","type":"\u0000"}`, 1, 0},
		{nats.Header{"content-type": {"application/cloudevents+json"}}, `{"specversion":"1.0","id":"7","source":"/s","type":"t","x":"\ud800"}`, 0, 1},
		{nil, `{"specversion":"1.0","id":"7","source":"/s","type":"t","time":"now"}`, 0, 1},
	}
	for _, m := range messages {
		msg := &nats.Msg{Subject: "hookspan.events.a", Data: []byte(m.data), Header: m.header}
		if _, err := nc.RequestMsgWithContext(within(t), msg); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range follow(t, store, "HOOKSPAN_EVENTS", len(messages)) {
		want := messages[i]
		if (m.Fault != "") != (want.fault == 1) || len(m.Flaws) != want.flaws || m.Event.Validate() != nil {
			t.Errorf("message %d: fault %q, flaws %v, %+v", i, m.Fault, m.Flaws, m.Event)
		}
		if want.fault == 0 && (m.Event.ID != "7" || m.Event.Type != "t") {
			t.Errorf("message %d is %+v", i, m.Event)
		}
	}
}

func TestWhatLooksLikeAnEventIsWrapped(t *testing.T) {
	t.Parallel()
	store, server := openStore(t, embedded.Options{}, jetstream.Options{})
	messages := []struct {
		header      nats.Header
		data, looks string
	}{
		{nats.Header{"content-type": {"application/json"}}, `{"specversion":"1.0","id":"7","source":"/s","type":"t"}`, `content type "application/json"`},
		{nats.Header{"ce_specversion": {"1.0"}, "ce_id": {"7"}, "ce_source": {"/s"}, "ce_type": {"t"}}, `{}`, "the header ce_id"},
		{nil, `{"id":"7"}`, ""},
	}
	for _, m := range messages {
		msg := &nats.Msg{Subject: "hookspan.events.a", Data: []byte(m.data), Header: m.header}
		if _, err := server.Conns().Events.RequestMsgWithContext(within(t), msg); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range follow(t, store, "HOOKSPAN_EVENTS", len(messages)) {
		if m.Event.Type != m.Topic || m.Fault != "" || (m.Likeness == "") != (messages[i].looks == "") || !strings.Contains(m.Likeness, messages[i].looks) {
			t.Errorf("message %d: %+v, fault %q, likeness %q", i, m.Event, m.Fault, m.Likeness)
		}
	}
}

func TestManyLargeEventsAreFollowed(t *testing.T) {
	t.Parallel()
	store, _ := openStore(t, embedded.Options{}, jetstream.Options{})
	const n = 40 // more bytes than one request for messages brings
	for i := range n {
		e := &event.Event{ID: fmt.Sprint(i), Source: "/s", Type: "t", Data: bytes.Repeat([]byte{byte(i)}, 700<<10)}
		if _, err := store.Publish(within(t), "hookspan.events.large", e, bus.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range follow(t, store, "HOOKSPAN_EVENTS", n) {
		if m.Event.ID != fmt.Sprint(i) || len(m.Event.Data) != 700<<10 || m.Event.Data[0] != byte(i) {
			t.Fatalf("message %d is %s with %d bytes", i, m.Event.ID, len(m.Event.Data))
		}
	}
}
