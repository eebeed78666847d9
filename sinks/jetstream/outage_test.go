package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/dial"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
	"github.com/hookspan/hookspan/sinks/proxytest"
)

// A load publishes events without pause and notes which were acknowledged.
type load struct {
	store *jetstream.Store
	n     atomic.Int64
	stop  context.CancelFunc
	wait  sync.WaitGroup

	mu      sync.Mutex
	acked   map[string]bool
	refused int
	last    time.Time     // of an acknowledgement
	longest time.Duration // without one
}

func newLoad(t *testing.T, s *jetstream.Store, publishers int) *load {
	ctx, stop := context.WithCancel(t.Context())
	l := &load{store: s, stop: stop, acked: map[string]bool{}, last: time.Now()}
	for range publishers {
		l.wait.Go(func() {
			for ctx.Err() == nil {
				l.publish(t, fmt.Sprintf("order-%d", l.n.Add(1)))
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) publish(t *testing.T, id string) {
	_, err := l.store.Publish(context.Background(), "hookspan.events.shop", order(id), bus.PublishOptions{Key: id})
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if l.refused++; !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("publish: %v, want ErrUnavailable", err)
		}
		return
	}
	l.acked[id] = true
	l.longest, l.last = max(l.longest, time.Since(l.last)), time.Now()
}

func (l *load) end() {
	l.stop()
	l.wait.Wait()
}

// more waits until so many more are acknowledged.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.acked)
	}
	goal := count() + n
	eventually(t, "more acknowledged events", func() bool { return count() >= goal })
}

// A seen set is what a follower was handed over.
type seen struct {
	mu  sync.Mutex
	ids map[string]int
}

func (s *seen) add(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[id]++
}

func (s *seen) holds(ids map[string]bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range ids {
		if s.ids[id] == 0 {
			return false
		}
	}
	return true
}

// followAll follows events until the test ends. Nothing may come twice, and it must not end.
func followAll(t *testing.T, s *jetstream.Store) *seen {
	t.Helper()
	spans, err := s.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	all := &seen{ids: map[string]int{}}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		last := int64(0)
		err := s.Follow(ctx, spans[0].Partition, bus.Position{Identity: spans[0].Identity}, func(batch []bus.Message) error {
			for _, m := range batch {
				if m.Position.Seq <= last {
					t.Errorf("%d came behind %d", m.Position.Seq, last)
				}
				last = m.Position.Seq
				all.add(m.Event.ID)
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("follow ended: %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		done.Wait()
	})
	return all
}

func hearAll(t *testing.T, s *jetstream.Store) *seen {
	t.Helper()
	all := &seen{ids: map[string]int{}}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		err := s.FollowPublished(ctx, time.Now().Add(-time.Minute), func(p bus.Publication) error {
			all.add(p.ID)
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("following what is published ended: %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		done.Wait()
	})
	return all
}

// Between us and the server nothing goes through, and nothing says so either.
func TestANetworkThatSwallows(t *testing.T) {
	t.Parallel()
	alone := natstest.Start(t, 1, natstest.Config{})
	user, password := alone.Account()
	proxy := proxytest.Start(t, alone.Addr(0))
	conns, err := dial.Open(t.Context(), dial.Options{Servers: []string{proxy.Address}, User: user, Password: password, PublishTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conns.Close)
	store, err := jetstream.Open(t.Context(), conns, jetstream.Options{PublishTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	followed := followAll(t, store)
	l := newLoad(t, store, 4)
	l.more(t, 100)
	proxy.Cut(proxytest.Silent)
	for i := range 3 {
		e := order(fmt.Sprint("swallowed", i))
		e.Data = make([]byte, 512<<10) // more than the sockets take
		began := time.Now()
		_, err := store.Publish(within(t), "hookspan.events.shop", e, bus.PublishOptions{})
		if took := time.Since(began); !errors.Is(err, bus.ErrUnavailable) || took > 12*time.Second {
			t.Errorf("publish: %v after %v, want ErrUnavailable within the timeout", err, took)
		}
	}
	eventually(t, "health says so", func() bool { return errors.Is(store.Health(within(t)), bus.ErrUnavailable) })
	proxy.Mend()
	l.more(t, 100)
	l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	eventually(t, "all that was acknowledged is followed", func() bool { return followed.holds(l.acked) })
}

func TestStreamsThatAreDeleted(t *testing.T) {
	t.Parallel()
	alone := natstest.Start(t, 1, natstest.Config{})
	store, admin := remoteIn(t, alone, jetstream.Options{PublishTimeout: time.Second})
	js, err := natsjs.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	remove := func(stream string) {
		t.Helper()
		if err := js.DeleteStream(within(t), stream); err != nil {
			t.Fatal(err)
		}
	}
	old, err := store.Publish(within(t), "hookspan.events.shop", order("old"), bus.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := store.AppendJournal(within(t), 0, []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bus.NewChain(store, bus.LogName{Kind: bus.Registry}).Append(within(t), []byte("endpoint")); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- store.Follow(within(t), old.Partition, bus.Position{Identity: old.Position.Identity}, func([]bus.Message) error { return nil })
	}()
	for _, stream := range []string{"HOOKSPAN_EVENTS", "HOOKSPAN_JOURNAL", "HOOKSPAN_STATE"} {
		remove(stream)
	}
	if _, err := store.Publish(within(t), "hookspan.events.shop", order("2"), bus.PublishOptions{}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("publish without a stream: %v, want ErrUnavailable", err)
	}
	if err := <-ended; !errors.Is(err, bus.ErrRecreated) {
		t.Errorf("follow: %v, want ErrRecreated", err)
	}
	var fresh bus.Receipt
	eventually(t, "the event stream is there again", func() bool {
		fresh, err = store.Publish(within(t), "hookspan.events.shop", order("3"), bus.PublishOptions{})
		return err == nil && fresh.Position.Identity != old.Position.Identity
	})
	eventually(t, "health says what is not made again, and that alone", func() bool {
		err := store.Health(within(t))
		return err != nil && strings.HasPrefix(err.Error(), bus.ErrUnavailable.Error()+": stream HOOKSPAN_STATE is missing") && !strings.Contains(err.Error(), ";")
	})
	var second int64
	eventually(t, "the journal is there again", func() bool {
		second, err = store.AppendJournal(within(t), 0, []byte("new"))
		return err == nil
	})
	if second <= first {
		t.Errorf("the journal begins again at %d, which is not behind %d", second, first)
	}
	// What was pending is not forgotten silently.
	if _, err := js.Stream(within(t), "HOOKSPAN_STATE"); !errors.Is(err, natsjs.ErrStreamNotFound) {
		t.Errorf("the state was created again, empty: %v", err)
	}
	conns := jetstream.Conns{Events: admin}
	if _, err := jetstream.Open(within(t), conns, jetstream.Options{}); err == nil || !strings.Contains(err.Error(), "HOOKSPAN_STATE is missing although HOOKSPAN_REGISTRY holds records") {
		t.Errorf("opened with %v", err)
	}
	remove("HOOKSPAN_REGISTRY")
	again, err := jetstream.Open(within(t), conns, jetstream.Options{})
	if err != nil {
		t.Errorf("the remedy does not help: %v", err)
	} else {
		again.Close()
	}
}

func TestAStreamThatIsRecreatedByOthers(t *testing.T) {
	t.Parallel()
	alone := natstest.Start(t, 1, natstest.Config{})
	store, admin := remoteIn(t, alone, jetstream.Options{Topics: []string{"shop.>"}})
	js, err := natsjs.New(admin)
	if err != nil {
		t.Fatal(err)
	}
	heard := hearAll(t, store)
	if err := js.DeleteStream(within(t), "HOOKSPAN_EVENTS"); err != nil {
		t.Fatal(err)
	}
	stream(t, js, natsjs.StreamConfig{Name: "HOOKSPAN_EVENTS", Subjects: []string{"hookspan.events.>", "hookspan.quarantine", "shop.>"}})
	if _, err := store.Publish(within(t), "hookspan.events.shop", order("new"), bus.PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what is published is heard of", func() bool { return heard.holds(map[string]bool{"new": true}) })
	var got []bus.Message
	spans, err := store.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Request("shop.orders", []byte("{}"), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	err = store.Follow(within(t), spans[0].Partition, bus.Position{Identity: spans[0].Identity}, func(batch []bus.Message) error {
		if got = append(got, batch...); len(got) > 0 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) || got[0].Topic != "shop.orders" {
		t.Errorf("followed %v, %v", got, err)
	}
}
