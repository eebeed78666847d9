package receiver_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// Hostile senders, each with what an honest one gets through beside them.

func packed(t testing.TB, body string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// stalled sends the front of a body and no more.
func (w *world) stalled(path string, size int, chunked bool) net.Conn {
	conn, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close() })
	head := "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
	front := strings.Repeat("x", size)
	if chunked {
		head += "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n", 2*size)
	} else {
		head += fmt.Sprintf("Content-Length: %d\r\n\r\n", 2*size)
	}
	if _, err := io.WriteString(conn, head+front); err != nil {
		w.Fatal(err)
	}
	return conn
}

// Sixteen senders that stop in the middle of what fills the memory keep nobody out, whichever
// sources they turn to.
func TestSlowSendersShutNoSource(t *testing.T) {
	t.Parallel()
	const size = 500_000
	w := setup(t, func(o *receiver.Options) {
		o.Memory = 8 << 20
		other := o.Sources[0]
		other.Name = "other"
		o.Sources = append(o.Sources, other)
	})
	for i := range 16 {
		w.stalled([]string{"/webhooks/shop", "/webhooks/other"}[i%2], size, i%4 > 1)
	}
	body := []byte(`{"event":"a"` + strings.Repeat(" ", size) + `}`)
	for i := range 8 {
		for _, path := range []string{"/webhooks/shop", "/webhooks/other"} {
			if got := w.do(w.request("POST", path, fmt.Sprint(i), body, nil)); got.status != 202 {
				t.Errorf("%s: %+v", path, got)
			}
		}
	}
}

// What one source, or one sender, has in hand leaves room for the others.
func TestSharesOfTheMemory(t *testing.T) {
	t.Parallel()
	const size = 128 << 10
	release, entered := make(chan struct{}), make(chan struct{}, 100)
	w := setup(t, func(o *receiver.Options) {
		o.Memory, o.PublishTimeout = 8*size, time.Minute
		o.TrustedProxies = loopback
		other, third := o.Sources[0], o.Sources[0]
		other.Name, third.Name = "other", "third"
		o.Sources = append(o.Sources, other, third)
	})
	w.store.before = func(context.Context, *event.Event) error {
		entered <- struct{}{}
		<-release
		return nil
	}
	body := []byte(`{"event":"a"` + strings.Repeat(" ", size-13) + `}`)
	id := 0
	send := func(path, from string) *http.Request {
		id++
		return w.request("POST", path, fmt.Sprint(id), body, http.Header{"X-Forwarded-For": {from}})
	}
	var inHand sync.WaitGroup
	defer inHand.Wait()
	hold := func(path, from string) {
		q := send(path, from)
		inHand.Go(func() {
			if got := w.do(q); got.status != 202 {
				t.Errorf("in hand: %+v", got)
			}
		})
		<-entered
	}
	for i := range 4 {
		hold("/webhooks/shop", []string{"192.0.2.1", "192.0.2.2"}[i%2])
	}
	if got := w.do(send("/webhooks/shop", "192.0.2.3")); got.status != 503 || got.code() != "overloaded" {
		t.Errorf("beyond the source's share: %+v", got)
	}
	hold("/webhooks/other", "192.0.2.1")
	hold("/webhooks/other", "192.0.2.1")
	if got := w.do(send("/webhooks/other", "192.0.2.1")); got.status != 503 {
		t.Errorf("beyond the sender's share: %+v", got)
	}
	hold("/webhooks/other", "2001:db8::1")
	hold("/webhooks/third", "2001:db8::2")
	if got := w.do(send("/webhooks/third", "192.0.2.9")); got.status != 503 { // whose source and sender have room
		t.Errorf("beyond the whole: %+v", got)
	}
	close(release)
}

// A body that has been arriving for a while is told to come again when others need its room, and
// what it held is free at once.
func TestABodyThatGivesWayMayComeAgain(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) { o.Memory = 1 << 20 })
	conn := w.stalled("/webhooks/shop", 500_000, false)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for w.counted("hookspan_intake_memory_bytes") < 500_000 { // until all that was sent is in hand
		<-tick.C
	}
	body := []byte(`{"event":"a"` + strings.Repeat(" ", 600_000) + `}`)
	if got := w.do(w.request("POST", "/webhooks/shop", "1", body, nil)); got.status != 202 {
		t.Errorf("%+v", got)
	}
	if err := conn.SetReadDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil || !bytes.Contains(text, []byte("503 Service Unavailable")) || !bytes.Contains(text, []byte("Retry-After")) {
		t.Errorf("answered %s, %v", text, err)
	}
	if n := w.counted("hookspan_intake_memory_bytes"); n != 0 {
		t.Errorf("%v bytes are still charged", n)
	}
}

// A kilobyte becomes a megabyte, and that a hundred thousand events or fields. Memory is asked
// for before; none of it may end a process. Not parallel: it measures.
func TestPackedBodies(t *testing.T) {
	const most, bound, senders = 1 << 20, 32 << 20, 8
	repeat := func(front, member, end string) []byte {
		return packed(t, front+strings.Repeat(member, (most-len(front)-len(end)-16)/len(member))+end)
	}
	const event = `{"specversion":"1.0","id":"i","source":"s","type":"t"`
	names := &strings.Builder{}
	for i := 0; names.Len() < most-2000; i++ {
		fmt.Fprintf(names, `,"a%x":1`, i)
	}
	token := http.Header{"Authorization": {"Bearer " + secret}, "Content-Encoding": {"gzip"}}
	w := setup(t, func(o *receiver.Options) {
		o.Verifier, o.Memory = catalog(t), bound
		o.Sources = []receiver.Source{
			{Name: "ce", Provider: "cloudevents", Secrets: []string{secret}},
			{Name: "form", Provider: "twilio", Secrets: []string{secret}},
			{Name: "big", Provider: "cloudevents", Secrets: []string{secret}, MaxBody: 16 * most},
		}
	})
	for name, c := range map[string]struct {
		path, media string
		body        []byte
		want        []int
	}{
		"empty members":   {"/webhooks/ce", "application/cloudevents-batch+json", repeat("[", "{},", "{}]"), []int{200, 503}},
		"numbers":         {"/webhooks/ce", "application/cloudevents-batch+json", repeat("[", "0,", "0]"), []int{200, 503}},
		"events":          {"/webhooks/ce", "application/cloudevents-batch+json", repeat("[", event+"},", event+"}]"), []int{200, 503}},
		"attributes":      {"/webhooks/ce", "application/cloudevents+json", packed(t, event+names.String()+"}"), []int{200, 413, 503}},
		"nested":          {"/webhooks/ce", "application/cloudevents+json", packed(t, event+`,"data":`+strings.Repeat("[", most/3)+strings.Repeat("]", most/3)+"}"), []int{200}},
		"nested, broken":  {"/webhooks/ce", "application/cloudevents+json", repeat("", "[", ""), []int{200}},
		"fields":          {"/webhooks/form", "application/x-www-form-urlencoded", repeat("", "a=&", ""), []int{401, 403, 503}},
		"much":            {"/webhooks/big", "application/json", packed(t, strings.Repeat(" ", 15*most)), []int{200, 503}},
		"too much":        {"/webhooks/ce", "application/json", packed(t, strings.Repeat(" ", 64*most)), []int{413}},
		"packed twice":    {"/webhooks/ce", "application/json", packed(t, string(packed(t, strings.Repeat(" ", most)))), []int{200}},
		"a cut-off end":   {"/webhooks/ce", "application/json", packed(t, strings.Repeat("x", most))[:900], []int{400}},
		"several members": {"/webhooks/ce", "application/json", append(packed(t, "a"), packed(t, strings.Repeat("b", 2*most))...), []int{413}},
	} {
		before := held()
		var all sync.WaitGroup
		for range senders {
			q := w.request("POST", c.path, "1", c.body, token)
			q.Header.Set("Content-Type", c.media)
			all.Go(func() {
				if got := w.do(q); !contains(c.want, got.status) {
					t.Errorf("%s: %+v", name, got)
				}
			})
		}
		all.Wait()
		if grown := held() - before; grown > 3*bound {
			t.Errorf("%s: %d requests of %d bytes took %d MB", name, senders, len(c.body), grown>>20)
		}
		w.store.forget()
	}
	if n := w.counted("hookspan_intake_memory_bytes"); n != 0 {
		t.Errorf("%v bytes are still charged", n)
	}
	q := w.request("POST", "/webhooks/ce", "1", packed(t, event+`,"data":1}`), token)
	q.Header.Set("Content-Type", "application/cloudevents+json")
	if got := w.do(q); got.status != 200 {
		t.Errorf("an honest one: %+v", got)
	}
}

// held is the memory that the process has ever asked the system for, for its heap.
func held() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapSys)
}

// forget drops what is stored.
func (s *store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored = nil
}
