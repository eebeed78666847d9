package receiver_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
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

// raw sends bytes as they are and returns the first answer, and whether the connection was
// closed behind it.
func (w *world) raw(request string, hold bool) (answer, bool) {
	w.Helper()
	conn, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		w.Fatal(err)
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		_, _ = io.WriteString(conn, request) // the server may hang up in the middle; that is the point
		if !hold {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	})
	defer writing.Wait()
	defer conn.Close()
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return answer{}, true
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // a cut answer shows in the comparison
	_, err = in.ReadByte()
	return answer{resp.StatusCode, resp.Header, string(body)}, err != nil
}

func TestRawRequests(t *testing.T) {
	t.Parallel()
	const body = `{"event":"a"}`
	signature := "X-Signature: " + hex.EncodeToString(sign(secret, []byte(body))) + "\r\n"
	head := "POST /webhooks/shop HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" + signature
	for _, c := range []struct {
		name, request string
		want          []int // statuses; 0 is no answer at all
	}{
		{"as it should be", head + "Content-Length: 13\r\n\r\n" + body, []int{202}},
		{"chunked", head + "Transfer-Encoding: chunked\r\n\r\n6\r\n{\"even\r\n7\r\nt\":\"a\"}\r\n0\r\n\r\n", []int{202}},
		{"length and chunked", head + "Content-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST /webhooks/shop HTTP/1.1\r\n\r\n", []int{400, 403}},
		{"two lengths", head + "Content-Length: 13\r\nContent-Length: 14\r\n\r\n" + body, []int{400}},
		{"negative length", head + "Content-Length: -1\r\n\r\n", []int{400}},
		{"length with a sign", head + "Content-Length: +13\r\n\r\n" + body, []int{400}},
		{"unknown transfer encoding", head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{501, 400}},
		{"space before the colon", head + "Content-Length : 13\r\n\r\n" + body, []int{400}},
		{"folded header", head + "X-Fold: a\r\n b\r\nContent-Length: 13\r\n\r\n" + body, []int{400, 202}},
		{"bare line feed in a chunk", head + "Transfer-Encoding: chunked\r\n\r\nd\n" + body + "\r\n0\r\n\r\n", []int{400}},
		{"chunk size that is none", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body + "\r\n0\r\n\r\n", []int{400}},
		{"chunk size overflow", head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + body, []int{400}},
		{"chunk longer than its size", head + "Transfer-Encoding: chunked\r\n\r\n1\r\n" + body + "\r\n0\r\n\r\n", []int{400}},
		{"chunk extensions without end", head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 3000)+"\r\n{\r\n", 500), []int{400}},
		{"body shorter than its length", head + "Content-Length: 500\r\n\r\n" + body, []int{400}},
		{"a gigabyte announced", head + "Content-Length: 1073741824\r\n\r\n", []int{413}},
		{"no length, no body", head + "\r\n", []int{403}},
		{"header of a megabyte", head + "X-Long: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", []int{431, 0}},
		{"ten thousand headers", head + strings.Repeat("X-Many: a\r\n", 10_000) + "\r\n", []int{431, 0}},
		{"NUL in a header", head + "X-Nul: \x00\r\nContent-Length: 13\r\n\r\n" + body, []int{400}},
		{"no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", []int{400, 0}},
		{"HTTP/2 preface in the clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{400, 505, 404, 0}},
		{"encoded slash in the name", strings.Replace(head, "/webhooks/shop", "/webhooks/shop%2f..%2fshop", 1) + "Content-Length: 13\r\n\r\n" + body, []int{404}},
	} {
		w := setup(t, nil)
		got, closed := w.raw(c.request, false)
		if !contains(c.want, got.status) {
			t.Errorf("%s: answered %d, want one of %v", c.name, got.status, c.want)
		}
		if got.status == 400 || got.status == 413 {
			if !closed {
				t.Errorf("%s: the connection stays open", c.name)
			}
		}
		if n := len(w.store.all()); (n == 1) != (got.status == 202) || n > 1 {
			t.Errorf("%s: answered %d, %d stored", c.name, got.status, n)
		}
		w.stop()
	}
}

func contains(all []int, one int) bool {
	for _, n := range all {
		if n == one {
			return true
		}
	}
	return false
}

func TestBodyLimits(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	w := setup(t, func(o *receiver.Options) { o.Sources[0].MaxBody = limit })
	padded := func(size int) []byte {
		return []byte(`{"event":"a"` + strings.Repeat(" ", size-13) + `}`)
	}
	for _, chunked := range []bool{false, true} {
		for size, want := range map[int]int{limit: 202, limit + 1: 413, 10 * limit: 413, 8192: 202, 8193: 202} {
			body := padded(size)
			q := w.request("POST", "/webhooks/shop", fmt.Sprint(size, chunked), body, nil)
			if chunked {
				q.ContentLength = -1
			}
			if got := w.do(q); got.status != want || (want == 413 && got.code() != "too_large") {
				t.Errorf("%d bytes, chunked %v: %+v", size, chunked, got)
			}
		}
	}
	for _, m := range w.store.all() {
		if !bytes.Equal(m.event.Data, padded(len(m.event.Data))) {
			t.Errorf("a body of %d bytes was changed", len(m.event.Data))
		}
	}
	if n := w.counted("hookspan_intake_memory_bytes"); n != 0 {
		t.Errorf("%v bytes are still charged", n)
	}
}

func TestEndlessChunksAndTricklesAreCutOff(t *testing.T) {
	t.Parallel()
	// A body that is slower than this is cut off, and one that is too large must not be that on a busy machine.
	large := setup(t, nil)
	w := setup(t, func(o *receiver.Options) { o.BodyTime, o.BodyRate = 300*time.Millisecond, 1<<20 })
	head := "POST /webhooks/shop HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
	endless := head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", 4096)
	if got, closed := large.raw(endless, true); got.status != 413 || !closed {
		t.Errorf("endless chunks: %d, closed %v", got.status, closed)
	}
	if got, closed := w.raw(head+"Content-Length: 100\r\n\r\n{", true); got.status != 400 || !closed {
		t.Errorf("a body that stops: %d, closed %v", got.status, closed)
	}
	if got, closed := w.raw("POST /webhooks/shop HTTP/1.1\r\nHost: h\r\nX-Slow: ", true); got.status == 202 || !closed {
		t.Errorf("headers that stop: %d, closed %v", got.status, closed)
	}
	if n := w.counted("hookspan_intake_memory_bytes"); n != 0 {
		t.Errorf("%v bytes are still charged", n)
	}
}

func TestSlowBodyThatKeepsUpIsTaken(t *testing.T) {
	t.Parallel()
	// The whole body takes longer than BodyTime, at four times the rate that is asked for.
	w := setup(t, func(o *receiver.Options) { o.BodyTime, o.BodyRate = time.Second, 1024 })
	body := []byte(`{"event":"a"` + strings.Repeat(" ", 5*1024) + `}`)
	pieces, in := io.Pipe()
	go func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for rest := body; len(rest) > 0; {
			n := min(1024, len(rest))
			if _, err := in.Write(rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
			<-tick.C
		}
		in.Close()
	}()
	q := w.request("POST", "/webhooks/shop", "1", body, nil)
	q.Body, q.ContentLength = pieces, int64(len(body))
	if got := w.do(q); got.status != 202 {
		t.Errorf("answer %+v", got)
	}
}

func TestMemoryOfBodiesInHandIsBounded(t *testing.T) {
	t.Parallel()
	const size, room = 512 << 10, 4
	release, entered := make(chan struct{}), make(chan struct{}, 100)
	w := setup(t, func(o *receiver.Options) {
		o.Memory, o.PublishTimeout = 2*room*size, time.Minute // one sender may have half of the memory
	})
	w.store.before = func(context.Context, *event.Event) error {
		entered <- struct{}{}
		<-release
		return nil
	}
	body := []byte(`{"event":"a"` + strings.Repeat(" ", size-13) + `}`)
	statuses := make(chan answer, 100)
	var wg sync.WaitGroup
	for i := range room {
		q := w.request("POST", "/webhooks/shop", fmt.Sprint(i), body, nil)
		wg.Go(func() { statuses <- w.do(q) })
		<-entered
	}
	got := w.send("more", string(body))
	if got.status != 503 || got.code() != "overloaded" || got.header.Get("Retry-After") == "" {
		t.Errorf("beyond the bound: %+v", got)
	}
	close(release)
	wg.Wait()
	close(statuses)
	for got := range statuses {
		if got.status != 202 {
			t.Errorf("within the bound: %+v", got)
		}
	}
	if got := w.send("more", string(body)); got.status != 202 {
		t.Errorf("later: %+v", got)
	}
	if n := w.counted("hookspan_intake_memory_bytes"); n != 0 {
		t.Errorf("%v bytes are still charged", n)
	}
}

func TestAnnouncedBodiesReserveNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) { o.Memory = 2 << 20 })
	for range 100 {
		conn, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "POST /webhooks/shop HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.send("1", `{"event":"a"}`); got.status != 202 {
		t.Errorf("answer %+v", got)
	}
}

func TestStrangeBodiesAreKeptOrQuarantined(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	bodies := []string{
		"", "\x00", "null", "{", "\xff\xfe{\x00}\x00", "{“event”:“a”}", `{"event":"a","event":"b"}`, `{"n":1e400,"event":"a"}`,
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000),
		`{"event":"` + strings.Repeat("*.>", 1000) + `"}`, "{\"event\":\"a\r\nb\"}",
	}
	for i, body := range bodies {
		if got := w.send(fmt.Sprint(i), body); got.status != 202 {
			t.Errorf("%.20q: %+v", body, got)
		}
	}
	all := w.store.all()
	if len(all) != len(bodies) {
		t.Fatalf("%d of %d are stored", len(all), len(bodies))
	}
	for i, m := range all {
		if string(m.event.Data) != bodies[i] {
			t.Errorf("%.20q was changed", bodies[i])
		}
	}
}

// TestMemoryIsFlat sends many times the memory that all bodies together may take.
func TestMemoryIsFlat(t *testing.T) {
	w := setup(t, func(o *receiver.Options) { o.Memory = 8 << 20 })
	forged := http.Header{"X-Signature": {"00"}}
	body := bytes.Repeat([]byte("x"), 1<<20)
	before := heap()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 20 {
				if got := w.do(w.request("POST", "/webhooks/shop", "1", body, forged)); got.status != 403 && got.status != 503 {
					t.Errorf("answered %d", got.status)
				}
			}
		})
	}
	wg.Wait()
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
