package webhook_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

func receiver(b *testing.B) string {
	b.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

func headers() http.Header {
	return http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"Hookspan/test"}, "Webhook-Id": {"msg_1"},
		"Webhook-Timestamp": {"1800000000"}, "Webhook-Signature": {"v1,AAAA"}, "Ce-Id": {"1"}, "Ce-Type": {"a.b"},
	}
}

// The two benchmarks do the same work; Send should not be much slower than a bare client.
func BenchmarkSend(b *testing.B) {
	url, body := receiver(b), make([]byte, 1024)
	s := webhook.New(webhook.Options{Egress: webhook.Egress{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	defer s.Close()
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		ctx := context.Background()
		for pb.Next() {
			res := s.Send(ctx, delivery.Request{URL: url, Header: headers(), Body: body, Timeout: 30 * time.Second})
			if res.Status != http.StatusOK {
				b.Error(res)
			}
		}
	})
}

func BenchmarkBareClient(b *testing.B) {
	url, body := receiver(b), make([]byte, 1024)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header = headers()
			res, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	})
}
