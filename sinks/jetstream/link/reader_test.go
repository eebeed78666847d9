package link_test

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// An ear is a home that tells of requests for messages.
type ear struct {
	*home
	requests chan struct{} // receives for each; more than it holds are left out
}

type overheard struct {
	net.Conn
	ear ear
}

func (e ear) InProcessConn() (net.Conn, error) {
	conn, err := e.home.InProcessConn()
	return overheard{conn, e}, err
}

func (c overheard) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("PUB far.CONSUMER.MSG.NEXT.")) {
		select {
		case c.ear.requests <- struct{}{}:
		default:
		}
	}
	return c.Conn.Write(p)
}

// In a cluster a server may hear of a consumer later than the client that made it.
func TestAConsumerThatIsNotHeardOfYetIsAskedAgain(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	near, ours, _ := h.connect(nil)
	if _, err := ours.Acks.Send(t.Context(), &link.Message{Subject: "s.one", Data: []byte("hello")}, nil); err != nil {
		t.Fatal(err)
	}
	relay := func(subject string) {
		if _, err := near.Subscribe("far."+subject, func(m *nats.Msg) {
			if err := near.PublishRequest("$JS.API."+strings.TrimPrefix(m.Subject, "far."), m.Reply, m.Data); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if err := near.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	relay("CONSUMER.CREATE.>")
	relay("CONSUMER.DELETE.>")

	e := ear{h, make(chan struct{}, 3)}
	nc, err := nats.Connect("", nats.InProcessServer(e))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	l, err := link.New(nc, link.Options{APIPrefix: "far"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	r, err := l.Read(t.Context(), link.Reading{Stream: "S"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	read := make(chan error, 1) // receives what the reading came to
	go func() {
		batch, err := r.Batch(t.Context())
		if err == nil && (len(batch) != 1 || string(batch[0].Msg.Data) != "hello") {
			t.Errorf("came %v", batch)
		}
		read <- err
	}()
	for range 2 { // nobody hears these
		select {
		case <-e.requests:
		case err := <-read:
			t.Fatal(err)
		}
	}
	relay("CONSUMER.MSG.NEXT.>")
	if err := <-read; err != nil {
		t.Fatal(err)
	}

	// What is gone is not asked for long.
	js, err := jetstream.New(near)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "S"); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Batch(t.Context())
	}
	if !strings.Contains(err.Error(), "reader_deleted") {
		t.Errorf("reading what is gone: %v", err)
	}
}
