package link_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// A home is a server in this process, which may be another one after a while.
type home struct {
	t      *testing.T
	folder string
	inner  atomic.Pointer[natsserver.Server]
}

func newHome(t *testing.T) *home {
	h := &home{t: t, folder: natstest.Folder(t)}
	h.start()
	t.Cleanup(h.stop)
	return h
}

func (h *home) start() {
	s, err := natsserver.NewServer(&natsserver.Options{ServerName: "process", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: h.folder, MaxPayload: 1 << 20})
	if err != nil {
		h.t.Fatal(err)
	}
	s.Start()
	h.inner.Store(s)
}

func (h *home) stop() {
	if s := h.inner.Swap(nil); s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

func (h *home) InProcessConn() (net.Conn, error) {
	if s := h.inner.Load(); s != nil {
		return s.InProcessConn()
	}
	return nil, errors.New("there is no server")
}

// connect makes a stream, and links with and without the client library.
func (h *home) connect(disk link.Syncer) (nc *nats.Conn, ours, library *link.Link) {
	h.t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(h), nats.MaxReconnects(-1), nats.ReconnectWait(5*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := js.CreateStream(h.t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}); err != nil {
		h.t.Fatal(err)
	}
	for to, o := range map[**link.Link]link.Options{
		&ours:    {PublishTimeout: 5 * time.Second, Publishes: true, Disk: disk, Process: &link.Process{Dial: h.InProcessConn, Name: "ours"}},
		&library: {PublishTimeout: 5 * time.Second, Publishes: true},
	} {
		if *to, err = link.New(nc, o); err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() {
			for range 2 {
				if err := (*to).Close(); err != nil {
					h.t.Error(err)
				}
			}
		})
	}
	return nc, ours, library
}

func TestBothWaysToAServerWriteTheSame(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	nc, ours, library := h.connect(nil)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []link.Message{
		{Subject: "s.plain", Data: []byte("hello")},
		{Subject: "s.empty"},
		{Subject: "s.headers", Header: []event.Field{{Name: "ce-id", Value: "1"}, {Name: "ce-source", Value: ""}, {Name: "content-type", Value: " a; b "}}, Data: []byte("{}")},
		{Subject: "s.smuggled", Header: []event.Field{{Name: "a", Value: "x\r\nNats-Rollup: all"}, {Name: "b", Value: "\n"}}},
		{Subject: "s.large", Header: []event.Field{{Name: "a", Value: strings.Repeat("x", 20_000)}}, Data: bytes.Repeat([]byte("\r\n"), 300<<10)},
	} {
		var stored [2]*jetstream.RawStreamMsg
		for i, l := range []*link.Link{ours, library} {
			a, err := l.Acks.Send(t.Context(), &m, nil)
			if err != nil || a.Stream != "S" {
				t.Fatalf("%s: %+v, %v", m.Subject, a, err)
			}
			if stored[i], err = stream.GetMsg(t.Context(), a.Seq); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := stored[0], stored[1]; a.Subject != b.Subject || !bytes.Equal(a.Data, b.Data) || cmp.Diff(a.Header, b.Header) != "" {
			t.Errorf("%s is stored as %v with %d bytes, the library's as %v with %d", m.Subject, a.Header, len(a.Data), b.Header, len(b.Data))
		}
	}
}

func TestWhatAServerInThisProcessDoesNotTake(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	_, ours, _ := h.connect(nil)
	for name, c := range map[string]struct {
		m    link.Message
		want error
	}{
		"too many bytes":   {link.Message{Subject: "s.a", Data: make([]byte, 1<<20+1)}, bus.ErrTooLarge},
		"too much header":  {link.Message{Subject: "s.a", Header: []event.Field{{Name: "a", Value: strings.Repeat("x", 1<<20)}}}, bus.ErrTooLarge},
		"too long subject": {link.Message{Subject: "s." + strings.Repeat("x", 4<<10)}, bus.ErrTooLarge},
		"nobody's subject": {link.Message{Subject: "nobody.holds.this"}, link.ErrNoOwner},
	} {
		if _, err := ours.Acks.Send(t.Context(), &c.m, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if _, err := ours.Acks.Send(t.Context(), &link.Message{Subject: "s.a"}, nil); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

func TestAServerInThisProcessGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	nc, ours, _ := h.connect(nil)
	came := make(chan struct{})
	if _, err := nc.Subscribe("silent", func(*nats.Msg) { close(came) }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := ours.Acks.Send(t.Context(), &link.Message{Subject: "silent"}, nil)
		failed <- err
	}()
	<-came
	h.stop()
	if err := <-failed; !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("on the way when the server went: %v", err)
	}
	if _, err := ours.Acks.Send(t.Context(), &link.Message{Subject: "s.a"}, nil); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("while there is none: %v", err)
	}
	h.start()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		_, err := ours.Acks.Send(ctx, &link.Message{Subject: "s.a"}, nil)
		if err == nil {
			return
		}
		if !errors.Is(err, bus.ErrUnavailable) {
			t.Fatal(err)
		}
		<-tick.C
	}
}

// More than the server reads at once, from many at a time: each gets the acknowledgement of its own.
func TestManyPublishAtOnceToAServerInThisProcess(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	_, ours, _ := h.connect(nil)
	const publishers, each = 64, 20
	var all sync.WaitGroup
	var seen sync.Map
	for range publishers {
		all.Go(func() {
			for n := range each {
				a, err := ours.Acks.Send(t.Context(), &link.Message{Subject: "s.a", Data: make([]byte, 1000*n)}, nil)
				if _, twice := seen.LoadOrStore(a.Seq, true); twice || err != nil {
					t.Errorf("%+v, %v, twice %v", a, err, twice)
				}
			}
		})
	}
	all.Wait()
}

// held is a disk whose syncs end when they are told to.
type held struct{ joined chan func(error) }

func (h *held) Join(w link.Waiter, turn uint64) bool {
	h.joined <- func(err error) { w.Synced(turn, err) }
	return true
}

func TestAnAcknowledgementWaitsForTheSync(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	disk := &held{make(chan func(error), 10)}
	_, ours, _ := h.connect(disk)
	type result struct {
		link.Ack
		err error
	}
	send := func(ctx context.Context) chan result {
		c := make(chan result, 1)
		go func() {
			a, err := ours.Acks.Send(ctx, &link.Message{Subject: "s.a", Synced: true}, nil)
			c <- result{a, err}
		}()
		return c
	}
	for _, broken := range []error{nil, errors.New("input/output error")} {
		got := send(t.Context())
		end := <-disk.joined
		select {
		case r := <-got:
			t.Fatalf("%+v before the sync", r)
		default:
		}
		end(broken)
		if r := <-got; !errors.Is(r.err, broken) || broken == nil && (!r.Synced || r.Stream != "S") {
			t.Errorf("after the sync, which ended with %v: %+v", broken, r)
		}
	}
	// Who gave up is not told, and neither is who publishes next.
	ctx, cancel := context.WithCancel(t.Context())
	got := send(ctx)
	late := <-disk.joined
	cancel()
	if r := <-got; !errors.Is(r.err, context.Canceled) {
		t.Errorf("given up: %+v", r)
	}
	got = send(t.Context())
	end := <-disk.joined
	late(errors.New("the end of another's sync"))
	end(nil)
	if r := <-got; r.err != nil || !r.Synced {
		t.Errorf("%+v", r)
	}
	if a, err := ours.Acks.Send(t.Context(), &link.Message{Subject: "s.a"}, nil); err != nil || a.Synced {
		t.Errorf("without a sync: %+v, %v", a, err)
	}
}

func FuzzReadTicket(f *testing.F) {
	for _, token := range []string{"0-1", "4095-18446744073709551615", "4096-1", "1", "-1", "1-", "1-x", "99999999999999999999-1"} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		slot, turn, ok := link.ReadTicket(token)
		if again, _, same := link.ReadTicket(string([]byte(token))); same != ok || again != slot {
			t.Errorf("%q: %d and %d", token, slot, again)
		}
		if ok && (slot < 0 || slot >= 4096) {
			t.Errorf("%q is slot %d, turn %d", token, slot, turn)
		}
	})
}
