package embedded_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

const eventsOf = "HOOKSPAN_EVENTS"

// A siege is a bus with events on it, Hookspan reading along, and a hostile client.
type siege struct {
	*opened
	hostile *nats.Conn
	js      natsjs.JetStream // of the hostile client
	read    chan string      // ids that Hookspan read
	own     natsjs.JetStream // behind the walls
}

func besiege(t *testing.T) *siege {
	t.Helper()
	s := &siege{opened: open(t, embedded.Options{Listen: "127.0.0.1:0", MaxStore: 256 << 20}), read: make(chan string, 1000)}
	s.hostile, s.js = dial(t, s.opened)
	var err error
	if s.own, err = natsjs.New(s.Conns().Events); err != nil {
		t.Fatal(err)
	}
	spans, err := s.store.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.store.Follow(t.Context(), spans[0].Partition, bus.Position{Identity: spans[0].Identity}, func(batch []bus.Message) error {
			for _, m := range batch {
				s.read <- m.Event.ID
			}
			return nil
		})
	}()
	publish(t, s.opened, "before")
	if id := receive(t, s.read); id != "before" {
		t.Fatalf("read %s", id)
	}
	return s
}

// holds fails when anything of the events, or of what Hookspan reads, has changed.
func (s *siege) holds(t *testing.T) {
	t.Helper()
	stream, err := s.own.Stream(within(t), eventsOf)
	if err != nil {
		t.Fatalf("the event stream: %v", err)
	}
	info := stream.CachedInfo()
	if info.State.FirstSeq != 1 || info.State.NumDeleted != 0 || info.Config.Sealed || len(info.Config.Subjects) != 9 || info.Config.RePublish != nil {
		t.Errorf("the event stream became %+v, %+v", info.State, info.Config)
	}
	id := fmt.Sprint("after-", info.State.LastSeq)
	publish(t, s.opened, id)
	if !stored(t, s.opened)[id] {
		t.Errorf("%s was acknowledged and is not stored", id)
	}
	for receive(t, s.read) != id {
	}
	c := bus.NewChain(s.store, bus.LogName{Kind: bus.Registry})
	if _, err := c.Append(within(t), []byte("an endpoint")); err != nil {
		t.Errorf("the registry: %v", err)
	}
}

// send publishes with a reply subject, and waits until the server has taken it.
func (s *siege) send(t *testing.T, subject, reply string, body any) {
	t.Helper()
	data, ok := body.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.hostile.PublishRequest(subject, reply, data); err != nil {
		t.Fatal(err)
	}
}

func (s *siege) flush(t *testing.T) {
	t.Helper()
	if err := s.hostile.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	// Behind the desk as well: an answer comes after what was asked before.
	if _, err := s.js.Stream(within(t), eventsOf); err != nil {
		t.Fatal(err)
	}
}

// harmful are requests that would change the event stream or how it is read.
func harmful(reader string) map[string]any {
	config := map[string]any{"name": eventsOf, "subjects": []string{"gone"}, "retention": "limits", "storage": "file", "max_msgs": 1}
	consumer := func(more map[string]any) map[string]any {
		c := map[string]any{"name": "harmful", "ack_policy": "explicit", "deliver_policy": "all", "replay_policy": "instant"}
		for k, v := range more {
			c[k] = v
		}
		return map[string]any{"stream_name": eventsOf, "config": c}
	}
	all := map[string]any{
		"STREAM.CREATE." + eventsOf:                                  config,
		"STREAM.UPDATE." + eventsOf:                                  config,
		"STREAM.DELETE." + eventsOf:                                  nil,
		"STREAM.PURGE." + eventsOf:                                   nil,
		"STREAM.RESTORE." + eventsOf:                                 map[string]any{"config": config},
		"STREAM.SNAPSHOT." + eventsOf:                                map[string]any{"deliver_subject": "hookspan.events.shop.x"},
		"STREAM.MSG.DELETE." + eventsOf:                              map[string]any{"seq": 1},
		"STREAM.PEER.REMOVE." + eventsOf:                             map[string]any{"peer": "hookspan"},
		"STREAM.LEADER.STEPDOWN." + eventsOf:                         nil,
		"META.LEADER.STEPDOWN":                                       nil,
		"ACCOUNT.PURGE.EVENTS":                                       nil,
		"SERVER.REMOVE":                                              map[string]any{"peer": "hookspan"},
		"DIRECT.GET." + eventsOf:                                     map[string]any{"seq": 1},
		"CONSUMER.DELETE." + eventsOf + "." + reader:                 nil,
		"CONSUMER.PAUSE." + eventsOf + "." + reader:                  map[string]any{"pause_until": time.Now().Add(time.Hour)},
		"CONSUMER.RESET." + eventsOf + "." + reader:                  map[string]any{"seq": 1000},
		"CONSUMER.UNPIN." + eventsOf + "." + reader:                  map[string]any{"group": "a"},
		"CONSUMER.LEADER.STEPDOWN." + eventsOf + "." + reader:        nil,
		"CONSUMER.CREATE." + eventsOf + "." + reader:                 consumer(map[string]any{"name": reader, "headers_only": true}),
		"CONSUMER.DURABLE.CREATE." + eventsOf + "." + reader:         consumer(map[string]any{"name": reader, "durable_name": reader}),
		"CONSUMER.CREATE." + eventsOf + ".push":                      consumer(map[string]any{"name": "push", "deliver_subject": "hookspan.events.shop.loop"}),
		"CONSUMER.CREATE." + eventsOf + ".Push":                      consumer(map[string]any{"name": "Push", "Deliver_Subject": "hookspan.events.shop.loop"}),
		"CONSUMER.CREATE." + eventsOf + ".groups":                    consumer(map[string]any{"name": "groups", "priority_groups": []string{"a"}, "priority_policy": "pinned_client"}),
		"CONSUMER.CREATE." + eventsOf + ".fast.hookspan.events.shop": consumer(map[string]any{"name": "other"}),
	}
	return all
}

// reader is the consumer that Hookspan reads by; now and then it is between two of them.
func (s *siege) reader(t *testing.T) (name string) {
	t.Helper()
	waitFor(t, func() bool {
		stream, err := s.own.Stream(within(t), eventsOf)
		if err != nil {
			t.Fatal(err)
		}
		for name = range stream.ConsumerNames(within(t)).Name() {
			return true
		}
		return false
	})
	return name
}
