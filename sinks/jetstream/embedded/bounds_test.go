package embedded_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

func TestClientsStayWithinBounds(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	t.Run("consumers", func(t *testing.T) {
		made := 0
		for i := range 200 {
			if _, err := s.js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: fmt.Sprint("c", i)}); err != nil {
				break
			}
			made++
		}
		if made != 50 {
			t.Errorf("%d consumers were made", made)
		}
	})
	t.Run("what a consumer holds", func(t *testing.T) {
		info := must(s.js.UpdateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "c0", MaxAckPending: -1, MaxRequestExpires: time.Hour})).CachedInfo()
		if c := info.Config; c.MaxAckPending != 10_000 || c.MaxRequestExpires > 2*time.Minute || c.MaxWaiting != 512 {
			t.Errorf("%+v", c)
		}
		info = must(s.js.UpdateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "c1", AckWait: 1, BackOff: []time.Duration{1, 2}, MaxDeliver: 3})).CachedInfo()
		if c := info.Config; c.AckWait < 100*time.Millisecond || c.BackOff[0] < 100*time.Millisecond || c.BackOff[1] < 100*time.Millisecond {
			t.Errorf("it looks again after %v, %v", c.AckWait, c.BackOff)
		}
		long := strings.Repeat("x", 10<<10)
		for what, c := range map[string]natsjs.ConsumerConfig{
			"long filters":       {Durable: "c1", FilterSubjects: []string{"hookspan.events.a", "hookspan.events." + long}},
			"many filters":       {Durable: "c1", FilterSubjects: slices.Repeat([]string{"hookspan.events.a"}, 51)},
			"a long name":        {Durable: long[:200]},
			"a long description": {Durable: "c1", Description: long},
			"long metadata":      {Durable: "c1", Metadata: map[string]string{"x": long}},
		} {
			var api *natsjs.APIError
			if _, err := s.js.CreateOrUpdateConsumer(within(t), eventsOf, c); !errors.As(err, &api) || api.Code != 400 {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
	t.Run("payload", func(t *testing.T) {
		if err := s.hostile.Publish(topic, make([]byte, s.hostile.MaxPayload()+1)); err == nil {
			t.Error("it was taken")
		}
	})
	t.Run("subscriptions", func(t *testing.T) {
		greedy, _ := dial(t, s.opened, nats.NoReconnect())
		refused := make(chan error, 1)
		greedy.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { offer(refused, err) })
		greedy.SetDisconnectErrHandler(func(_ *nats.Conn, err error) { offer(refused, err) })
		for i := range 1100 {
			if _, err := greedy.SubscribeSync(fmt.Sprint("x.", i)); err != nil {
				return
			}
		}
		receive(t, refused)
	})
	t.Run("connections", func(t *testing.T) {
		var conns []*nats.Conn
		for len(conns) < 300 {
			nc, err := nats.Connect(s.ClientURL(), nats.NoReconnect())
			if err != nil {
				break
			}
			conns = append(conns, nc)
		}
		if len(conns) > 100 {
			t.Errorf("%d connections were let in", len(conns))
		}
		conns[0].Close()
		waitFor(t, func() bool {
			nc, err := nats.Connect(s.ClientURL(), nats.NoReconnect())
			if err == nil {
				nc.Close()
			}
			return err == nil
		})
		for _, nc := range conns {
			nc.Close()
		}
	})
	s.holds(t)
}

func offer[T any](c chan T, v T) {
	select {
	case c <- v:
	default:
	}
}

// A client that asks and goes away leaves nothing behind in the server.
func TestUnansweredRequests(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	if _, err := s.js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "slow", FilterSubject: "hookspan.events.never"}); err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		s.send(t, "$JS.API.CONSUMER.MSG.NEXT."+eventsOf+".slow", s.hostile.NewInbox(), map[string]any{"batch": 1, "expires": time.Minute})
		s.send(t, "$JS.API.CONSUMER.MSG.NEXT."+eventsOf+".nobody", s.hostile.NewInbox(), nil)
	}
	s.flush(t)
	s.holds(t)
}

// What clients publish leaves room for webhooks and dead letters, and a client that reads nothing
// keeps no room from being made.
func TestClientsLeaveRoomForIntake(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0", MaxStore: 32 << 20})
	flooder, _ := dial(t, s) // may lose what it sends, and its answers with it
	_, js := dial(t, s)
	if _, err := js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "reads-nothing"}); err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 512<<10)
	room, err := s.store.Room(within(t))
	if err != nil {
		t.Fatal(err)
	}
	refused := func() bool {
		_, err := js.Publish(within(t), topic, part)
		if err != nil && !strings.Contains(err.Error(), "nearly full") {
			t.Fatal(err)
		}
		return err != nil
	}
	untilRefused := func() {
		t.Helper()
		for taken := 0; !refused(); taken += len(part) {
			if int64(taken) > room.Limit {
				t.Fatalf("a client filled %d of %d bytes", taken, room.Limit)
			}
		}
	}
	untilRefused()
	for range 100 { // without asking for an acknowledgement
		if err := flooder.Publish(topic, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := flooder.Flush(); err != nil {
		t.Fatal(err)
	}
	untilRefused() // what is over may have been removed meanwhile
	held, err := s.store.Room(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, some, err := s.store.OthersNeed(within(t), eventsOf); err != nil || !some {
		t.Errorf("at %d of %d bytes no client's consumer counts: %v", held.Used, held.Limit, err)
	}
	e := order("webhook")
	e.Data = part
	for n := 0; ; n++ {
		if _, err := s.store.Publish(within(t), topic, e, bus.PublishOptions{}); err != nil {
			if n == 0 {
				t.Fatalf("intake: %v", err)
			}
			break
		}
	}
	if _, err := s.store.Publish(within(t), "hookspan.dead", order("dead"), bus.PublishOptions{Reserved: true}); err != nil {
		t.Errorf("a dead letter: %v", err)
	}
	waitFor(t, func() bool { // what is stored is looked at now and then
		_, some, err := s.store.OthersNeed(within(t), eventsOf)
		return err == nil && !some
	})
}

// Connections on which nothing is said take no more descriptors than clients may have.
func TestHalfOpenClients(t *testing.T) {
	t.Parallel()
	const most = 20
	const patient = 2 * time.Second // is the server with those that do not say who they are
	s := open(t, embedded.Options{Listen: "127.0.0.1:0", Connections: most})
	address := strings.TrimPrefix(s.ClientURL(), "nats://")
	turned := make(chan string, 3*most)
	began := time.Now()
	for range 3 * most {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		said := bufio.NewReader(conn)
		if line, err := said.ReadString('\n'); err != nil || !strings.HasPrefix(line, "INFO ") {
			t.Fatalf("the server says %q, %v", line, err)
		}
		go func() {
			rest, _ := io.ReadAll(said)
			turned <- string(rest)
		}()
	}
	// On a slow machine the first have been closed when the last come.
	waves := 1 + int((time.Since(began)+time.Second)/patient)
	let := 0
	for range 3 * most { // those that are let in are closed too
		if !strings.Contains(receive(t, turned), "maximum connections exceeded") {
			let++
		}
	}
	if let > waves*most {
		t.Errorf("%d of %d connections were let in, %d may be, and others after %v", let, 3*most, most, patient)
	}
	if nc, err := nats.Connect(s.ClientURL()); err != nil {
		t.Error(err)
	} else {
		nc.Close()
	}
	publish(t, s, "after")
}

// What the server keeps of a topic is in memory, so clients do not add topics without end.
func TestClientsAddNoTopicsWithoutEnd(t *testing.T) {
	t.Parallel()
	o := embedded.Options{Listen: "127.0.0.1:0"}
	o.Topics(10)
	s := open(t, o)
	_, js := dial(t, s)
	n := 0
	waitFor(t, func() bool { // how many there are is looked at now and then
		n++
		_, err := js.Publish(within(t), fmt.Sprint("hookspan.events.many.", n), []byte("x"))
		if err != nil && !strings.Contains(err.Error(), "so many topics") {
			t.Fatal(err)
		}
		return err != nil
	})
	if n <= 10 {
		t.Errorf("topic %d was refused", n)
	}
	if _, err := js.Publish(within(t), "hookspan.events.many.1", []byte("x")); err != nil {
		t.Errorf("on a topic that there is: %v", err)
	}
	publish(t, s, "intake") // on one that is new
}
