package receiver_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// crowded makes a world whose listener takes so many connections.
func crowded(t *testing.T, most int, edit func(*receiver.Options)) *world {
	w := setup(t, edit)
	w.stop()
	w.most = most
	w.listen(t, receiver.Options{Log: discard()})
	return w
}

func (w *world) halfOpen(n int, text string) {
	w.Helper()
	for range n {
		conn, err := net.Dial("tcp", w.addr)
		if err != nil {
			w.Fatal(err)
		}
		w.Cleanup(func() { conn.Close() })
		_, _ = io.WriteString(conn, text) // the server may have closed it already
	}
}

// Connections on which nothing comes, or only the front of a request, keep nobody out.
func TestHalfOpenConnectionsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	const head = "POST /webhooks/shop HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
	for name, front := range map[string]string{
		"nothing": "", "headers": head, "a body": head + "Content-Length: 100\r\n\r\n{",
	} {
		w := crowded(t, 8, nil)
		for i := range 5 {
			w.halfOpen(20, front)
			if got := w.send(fmt.Sprint(i), a1); got.status != 202 {
				t.Errorf("%s: %+v", name, got)
			}
			if n := w.counted("hookspan_intake_connections"); n > 8 {
				t.Errorf("%s: %v connections", name, n)
			}
		}
		if n := w.counted("hookspan_intake_connections_closed_total"); n == 0 {
			t.Errorf("%s: none was closed", name)
		}
	}
}

// What has come in full is answered, however many come after it; and where all are busy the next
// one waits.
func TestWhatHasComeIsAnsweredInACrowd(t *testing.T) {
	t.Parallel()
	const most = 4
	entered, release := make(chan struct{}, 100), make(chan struct{})
	w := crowded(t, most, nil)
	w.store.before = func(context.Context, *event.Event) error {
		entered <- struct{}{}
		<-release
		return nil
	}
	var all sync.WaitGroup
	send := func(id string) {
		q := w.request("POST", "/webhooks/shop", id, []byte(a1), nil)
		q.Close = true // one that is kept for the next request may be closed before that comes
		all.Go(func() {
			if got := w.do(q); got.status != 202 {
				t.Errorf("%s: %+v", id, got)
			}
		})
	}
	for i := range most {
		send(fmt.Sprint(i))
		<-entered
	}
	w.halfOpen(20, "P")
	send("next")
	if n := w.counted("hookspan_intake_connections"); n != most {
		t.Errorf("%v connections", n)
	}
	close(release)
	all.Wait()
}

func TestAFullCrowdEndsWithItsListener(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}, 1), make(chan struct{})
	w := crowded(t, 1, nil)
	w.store.before = func(context.Context, *event.Event) error {
		entered <- struct{}{}
		<-release
		return nil
	}
	q := w.request("POST", "/webhooks/shop", "1", []byte(a1), nil)
	var sent sync.WaitGroup
	sent.Go(func() {
		if resp, err := w.client.Do(q); err == nil {
			resp.Body.Close()
		}
	})
	<-entered
	w.halfOpen(3, "P")
	close(release)
	w.stop() // hangs, or leaks, when Accept does not end
	sent.Wait()
}
