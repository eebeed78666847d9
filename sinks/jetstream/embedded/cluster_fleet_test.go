//go:build fleets

package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

func TestClientsOfACluster(t *testing.T) {
	t.Parallel()
	three := newTrio(t)
	for i := range three {
		three[i].Listen, three[i].User, three[i].Password = "127.0.0.1:0", "shop", "of their own"
	}
	members := joinAll(t, three)
	login := nats.UserInfo("shop", "of their own")
	var got [3]chan *nats.Msg
	for i, m := range members {
		got[i] = make(chan *nats.Msg, 1000)
		nc, _ := dial(t, m, login)
		for _, subject := range []string{"hookspan.events.>", "_INBOX.>"} {
			if _, err := nc.ChanSubscribe(subject, got[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	probes := awaitInterest(t, members[:], got[:], login)
	for i, m := range members {
		_, js := dial(t, m, login)
		if err := publishAs(t, js, fmt.Sprint("server-", i), fmt.Appendf(nil, `{"server":%d}`, i)); err != nil {
			t.Errorf("through server %d: %v", i, err)
		}
		err := answered(t, func(ctx context.Context) error {
			_, err := js.Stream(ctx, "HOOKSPAN_STATE")
			return err
		})
		if !errors.Is(err, natsjs.ErrStreamNotFound) {
			t.Errorf("the state through server %d: %v", i, err)
		}
	}
	if info := eventStream(t, members[0]); info.State.Msgs != probes+3 || info.Config.Replicas != 3 {
		t.Errorf("%d events in %d copies", info.State.Msgs, info.Config.Replicas)
	}
	for _, c := range got { // each of three events at each of three servers
		for heard := map[string]bool{}; len(heard) < 3; {
			m := receive(t, c)
			if m.Subject != topic {
				t.Errorf("a subscriber got %s", m.Subject)
			}
			if string(m.Data) != probe {
				heard[string(m.Data)] = true
			}
		}
	}
	readThroughAll(t, members[:], login)
	for _, c := range got {
		for len(c) > 0 {
			if m := <-c; m.Subject != topic {
				t.Errorf("a subscriber got more: %s", m.Subject)
			}
		}
	}
	if info := eventStream(t, members[0]); info.State.FirstSeq != 1 || info.State.NumDeleted != 0 {
		t.Errorf("the event stream became %+v", info.State)
	}
}

// publishAs publishes an event of a client, which is stored once however often it is sent.
func publishAs(t *testing.T, js natsjs.JetStream, id string, data []byte) error {
	t.Helper()
	return answered(t, func(ctx context.Context) error {
		_, err := js.Publish(ctx, topic, data, natsjs.WithMsgID(id))
		return err
	})
}

// probe is an event that only asks who hears it.
const probe = `{"probe":true}`

// awaitInterest returns once what is published through any server reaches the subscribers at all
// of them, which a server learns from the others, and says how many events that took.
func awaitInterest(t *testing.T, members []*opened, got []chan *nats.Msg, login nats.Option) (probes uint64) {
	t.Helper()
	for _, m := range members {
		_, js := dial(t, m, login)
		for heard := map[int]bool{}; len(heard) < len(got); {
			if err := publishAs(t, js, fmt.Sprint("probe-", probes), []byte(probe)); err != nil {
				t.Fatal(err)
			}
			probes++
			for i, c := range got {
				select {
				case <-c:
					heard[i] = true
				case <-time.After(100 * time.Millisecond):
				}
			}
		}
		for _, c := range got { // what was late was heard of another server
			for len(c) > 0 {
				<-c
			}
		}
	}
	return probes
}

// readThroughAll reads three events by one consumer, each through another server, which refuses
// what would harm the others.
func readThroughAll(t *testing.T, members []*opened, login nats.Option) {
	t.Helper()
	for i, m := range members {
		nc, js := dial(t, m, login)
		var c natsjs.Consumer
		err := answered(t, func(ctx context.Context) (err error) {
			c, err = js.CreateOrUpdateConsumer(ctx, "HOOKSPAN_EVENTS", natsjs.ConsumerConfig{Durable: "shipping"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Next()
		if err != nil {
			t.Fatalf("through server %d: %v", i, err)
		}
		if err := got.DoubleAck(within(t)); err != nil {
			t.Errorf("through server %d: %v", i, err)
		}
		for _, request := range []string{"STREAM.LEADER.STEPDOWN.HOOKSPAN_EVENTS", "STREAM.PEER.REMOVE.HOOKSPAN_EVENTS", "CONSUMER.LEADER.STEPDOWN.HOOKSPAN_EVENTS.shipping", "STREAM.PURGE.HOOKSPAN_EVENTS"} {
			err := answered(t, func(ctx context.Context) error {
				m, err := nc.RequestWithContext(ctx, "$JS.API."+request, nil)
				if err == nil && !strings.Contains(string(m.Data), `"error"`) {
					err = errors.New("not refused")
				}
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", request, err)
			}
		}
	}
}

// join starts a server and opens a store on it once the cluster is there.
func join(t *testing.T, o embedded.Options) *opened {
	t.Helper()
	return openStore(t, start(t, o), jetstream.Options{})
}

// eventStream is what the server's cluster says about the event stream.
func eventStream(t *testing.T, m *opened) *natsjs.StreamInfo {
	t.Helper()
	js, err := natsjs.New(m.Conns().Events)
	if err != nil {
		t.Fatal(err)
	}
	var info *natsjs.StreamInfo
	waitFor(t, func() bool {
		// Between two leaders a cluster leaves the request unanswered.
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		s, err := js.Stream(ctx, "HOOKSPAN_EVENTS")
		if err != nil || s.CachedInfo().Cluster == nil {
			return false
		}
		info = s.CachedInfo()
		return info.Cluster.Leader != ""
	})
	return info
}

// answered does what asks a server of a cluster until there is an answer: one that goes through
// another server is dropped while that server has not heard of the asker's connection.
func answered(t *testing.T, ask func(context.Context) error) (err error) {
	t.Helper()
	waitFor(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err = ask(ctx)
		return !errors.Is(err, context.DeadlineExceeded)
	})
	return err
}
