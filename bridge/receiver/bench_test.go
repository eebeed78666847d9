package receiver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/listener"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/tracing/tracingtest"
)

// instant acknowledges at once, so that what is measured is ours and net/http's.
type instant struct{}

func (instant) Publish(context.Context, string, *event.Event, bus.PublishOptions) (bus.Receipt, error) {
	return bus.Receipt{}, nil
}
func (instant) MaxBytes() int64 { return 64 << 20 }

// BenchmarkIntake compares the whole path, over real connections, with a bare handler that
// reads the body, checks the HMAC and answers.
func BenchmarkIntake(b *testing.B) {
	verifier := catalog(b)
	body := []byte(`{"event":"order.shipped","timestamp":"2026-05-04T10:00:00Z","data":{"order_id":"0000000000000000","note":"` + strings.Repeat("x", 900) + `"}}`)
	b.Run("bare", func(b *testing.B) { drive(b, http.HandlerFunc(bare), body) })
	percent, _ := tracingtest.New(tracing.Share(0.01).ByParent())
	for name, tracer := range map[string]*tracing.Tracer{"receiver": nil, "receiver, 1 % traced": percent} {
		b.Run(name, func(b *testing.B) {
			r, err := receiver.New(receiver.Options{
				Sources:  []receiver.Source{{Name: "shop", Provider: "sticker", Secrets: []string{secret}}},
				Verifier: verifier, Publisher: instant{}, Metrics: prometheus.NewRegistry(), Log: discard(), Tracer: tracer,
			})
			if err != nil {
				b.Fatal(err)
			}
			if err := r.Open(b.Context()); err != nil {
				b.Fatal(err)
			}
			drive(b, r, body)
		})
	}
}

func bare(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	given, err := hex.DecodeString(strings.TrimPrefix(q.Header.Get("X-Sticker-Signature"), "sha256="))
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	if err != nil || !hmac.Equal(given, h.Sum(nil)) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// drive sends over 64 connections that are kept open, each answer before the next request. Every
// body is another one. The client side allocates nothing per request, so the allocations are the
// server's.
func drive(b *testing.B, handler http.Handler, body []byte) {
	server, err := listener.Server(listener.Options{Handler: handler, Log: discard()})
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	var ids atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		request := fmt.Appendf(nil, "POST /webhooks/shop HTTP/1.1\r\nHost: h\r\nUser-Agent: bench\r\nContent-Type: application/json\r\n"+
			"X-Sticker-Signature: sha256=%064d\r\nContent-Length: %d\r\nX-Sticker-Delivery-ID: %016d\r\n\r\n%s", 0, len(body), 0, body)
		behind := func(text string) []byte { return request[bytes.Index(request, []byte(text))+len(text):] }
		signature, id, sent := behind("sha256="), behind("ID: "), behind("\r\n\r\n")
		number := sent[bytes.Index(sent, []byte(`"order_id":"`))+len(`"order_id":"`):]
		mac, sum := hmac.New(sha256.New, []byte(secret)), make([]byte, 0, sha256.Size)
		in := bufio.NewReader(conn)
		for pb.Next() {
			id = fmt.Appendf(id[:0], "%016d", ids.Add(1))
			copy(number, id)
			mac.Reset()
			mac.Write(sent)
			hex.Encode(signature, mac.Sum(sum))
			if _, err := conn.Write(request); err != nil {
				b.Error(err)
				return
			}
			if err := skipAnswer(in); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func skipAnswer(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 20")) {
		return fmt.Errorf("answered %q", line)
	}
	length := 0
	for len(line) > 2 {
		if line, err = in.ReadSlice('\n'); err != nil {
			return err
		}
		if rest, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, c := range bytes.TrimSpace(rest) {
				length = length*10 + int(c-'0')
			}
		}
	}
	_, err = in.Discard(length)
	return err
}
