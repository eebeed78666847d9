package embedded_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// Before pulls were looked at, one that wanted a sign of life each nanosecond kept the server so
// busy that no publisher was acknowledged any more.
func TestPullsThatKeepTheServerBusy(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	must(s.js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "slow", FilterSubject: "hookspan.events.never"}))
	c := must(s.js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "next"}))
	inbox := s.hostile.NewInbox()
	answers := make(chan *nats.Msg, 1100)
	if _, err := s.hostile.ChanSubscribe(inbox, answers); err != nil {
		t.Fatal(err)
	}
	busy := map[string]any{"batch": 1, "expires": 30 * time.Second, "idle_heartbeat": 1}
	for range 500 {
		s.send(t, "$JS.API.CONSUMER.MSG.NEXT."+eventsOf+".slow", inbox, busy)
	}
	s.flush(t)
	for i := range 50 {
		publish(t, s.opened, fmt.Sprint("busy-", i))
	}
	for range 500 {
		if m := receive(t, answers); m.Header.Get("Status") != "400" || !strings.Contains(m.Header.Get("Description"), "idle_heartbeat") {
			t.Fatalf("a pull was answered %v", m.Header)
		}
	}
	m, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		s.send(t, m.Reply(), inbox, append([]byte("+NXT "), encoded(t, busy)...))
	}
	s.flush(t)
	for i := range 50 {
		publish(t, s.opened, fmt.Sprint("busy-again-", i))
	}
	if info := must(s.js.Consumer(within(t), eventsOf, "next")).CachedInfo(); info.NumWaiting != 0 || info.AckFloor.Consumer != 1 {
		t.Errorf("after +NXT: %+v", info)
	}
	s.holds(t)
}

// An event that is published is written to nobody before it is acknowledged, however many listen.
func TestSubscribersAreNotInTheWay(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	before := s.Interest(topic)
	got := make(chan *nats.Msg, 3000)
	for range 3 {
		nc, _ := dial(t, s.opened)
		for range 900 {
			if _, err := nc.ChanSubscribe("hookspan.events.>", got); err != nil {
				t.Fatal(err)
			}
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if now := s.Interest(topic); now != before {
		t.Errorf("%d wait for an event in front of its publisher, %d before", now, before)
	}
	publish(t, s.opened, "heard")
	for range 2700 {
		receive(t, got)
	}
}

// Whoever sends without waiting for answers takes nothing from who waits for them, however many do
// so: what the server cuts off is theirs.
func TestAFloodIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	s := besiege(t)
	_, modest := dial(t, s.opened)
	must(s.js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "slow", FilterSubject: "hookspan.events.never"}))
	ctx, stop := context.WithCancel(t.Context())
	var flooding sync.WaitGroup
	for range 8 {
		nc, _ := dial(t, s.opened, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		flooding.Go(func() {
			inbox := nc.NewInbox()
			for ctx.Err() == nil {
				for _, subject := range []string{topic, "$JS.API.CONSUMER.LIST." + eventsOf, "$JS.API.CONSUMER.MSG.NEXT." + eventsOf + ".slow", "$JS.API.INFO", "nowhere", "$JS.ACK." + eventsOf + ".slow.1.1.1.1.0"} {
					_ = nc.PublishRequest(subject, inbox, []byte("1")) // the server may have closed it
				}
			}
		})
	}
	for i := range 6 {
		if _, err := modest.Publish(within(t), topic, []byte("modest"), natsjs.WithRetryAttempts(0)); err != nil {
			t.Errorf("publish %d: %v", i, err)
		}
		if _, err := modest.Stream(within(t), eventsOf); err != nil {
			t.Errorf("request %d: %v", i, err)
		}
		publish(t, s.opened, fmt.Sprint("flooded-", i))
	}
	stop()
	flooding.Wait()
}

// What waits for clients that do not read is bounded for all of them together, and who reads goes on.
func TestClientsThatDoNotReadTakeNoMemory(t *testing.T) {
	t.Parallel()
	const most = 8 << 20
	var heard listener
	o := embedded.Options{Listen: "127.0.0.1:0", Log: heard.log()}
	o.Unread(most)
	s := open(t, o)
	address := strings.TrimPrefix(s.ClientURL(), "nats://")
	for range 4 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := conn.Write([]byte("CONNECT {}\r\nSUB hookspan.events.> 1\r\nPING\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, func() bool { return s.Clients() == 4 })
	reads, _ := dial(t, s)
	got := make(chan *nats.Msg, 100)
	if _, err := reads.ChanSubscribe("hookspan.events.>", got); err != nil {
		t.Fatal(err)
	}
	if err := reads.Flush(); err != nil {
		t.Fatal(err)
	}
	e := order("large")
	e.Data = bytes.Repeat([]byte("x"), 1<<20)
	for n := range 12 { // some of it waits in the system's own buffers
		e.ID = fmt.Sprint(n)
		if _, err := s.store.Publish(within(t), topic, e, bus.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		receive(t, got)
	}
	waitFor(t, func() bool { return heard.count("read slowly were cut off") > 0 && s.Unread() <= most })
	publish(t, s, "after")
	receive(t, got)
}

// A client that sends too much fills no log either.
func TestFloodsAreToldOfSeldom(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	o := embedded.Options{Log: slog.New(slog.NewTextHandler(&told, nil))}
	log := o.ServerLog()
	for i := range 100 {
		client := fmt.Sprintf("127.0.0.1:%d - cid:7", i)
		log.Warnf(client+" - Producer was stalled for a total of %v", i)
		log.Warnf(client+" - Readloop processing time: %v", i)
	}
	if n := strings.Count(told.String(), "\n"); n != 2 {
		t.Errorf("%d lines for what is told of two floods", n)
	}
}
