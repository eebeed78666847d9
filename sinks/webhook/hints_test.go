package webhook_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// What announces an answer is bounded alike however the endpoint is spoken to: by number, and by size
// together with the head of the answer.
func TestHintsOverTLS(t *testing.T) {
	t.Parallel()
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			t.Parallel()
			s, url := over(t, proto, func(w http.ResponseWriter, r *http.Request) {
				var hints, bytes, head int
				if _, err := fmt.Sscanf(r.URL.Path, "/%d/%d/%d", &hints, &bytes, &head); err != nil {
					panic(err)
				}
				if bytes > 0 {
					w.Header().Set("Link", strings.Repeat("a", bytes))
				}
				for range hints {
					w.WriteHeader(http.StatusProcessing)
				}
				// Nothing is taken out: the server may be writing a hint still, when its client has gone.
				for range head >> 10 {
					w.Header().Add("Link", strings.Repeat("b", 1<<10))
				}
				_, _ = io.WriteString(w, "ok")
			})
			for _, c := range []struct {
				hints, bytes int // of each
				head         int // of the answer
				reason       delivery.Reason
				detail       string
			}{
				{1, 0, 0, "", ""},
				{5, 0, 0, "", ""},
				{6, 0, 0, "", ""},
				{100, 0, 0, "", ""},
				{1000, 0, 0, "", ""},
				{1001, 0, 0, delivery.ReasonProtocol, "more than 1000 answers with 1xx came before the real one"},
				{5000, 0, 0, delivery.ReasonProtocol, "more than 1000 answers with 1xx came before the real one"},
				{6, 1 << 10, 0, "", ""},
				{200, 1 << 10, 0, delivery.ReasonProtocol, "the head of the answer is longer than 64 KiB"},
				{0, 0, 100 << 10, delivery.ReasonProtocol, "the head of the answer is longer than 64 KiB"},
				{6, 0, 100 << 10, delivery.ReasonProtocol, "the head of the answer is longer than 64 KiB"},
				{0, 0, 0, "", ""}, // and what comes next is well
			} {
				url := fmt.Sprintf("%s/%d/%d/%d", url, c.hints, c.bytes, c.head)
				for range 2 { // the first time, the endpoint's protocol is not known
					res := post(s, context.Background(), url, 20*time.Second)
					if res.Reason != c.reason || res.Detail != c.detail || c.reason == "" && res.Body != "ok" {
						t.Errorf("%d hints of %d bytes: %+v", c.hints, c.bytes, res)
					}
				}
			}
		})
	}
}

// The same where it is not known yet that the endpoint speaks HTTP/1.1.
func TestHintsInTheFirstAnswerOverTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hints  int
		reason delivery.Reason
	}{{6, ""}, {1000, ""}, {1001, delivery.ReasonProtocol}, {5000, delivery.ReasonProtocol}} {
		for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
			s, url := over(t, proto, func(w http.ResponseWriter, _ *http.Request) {
				for range c.hints {
					w.WriteHeader(http.StatusProcessing)
				}
				_, _ = io.WriteString(w, "ok")
			})
			if res := post(s, t.Context(), url, 20*time.Second); res.Reason != c.reason || c.reason == "" && res.Body != "ok" {
				t.Errorf("%s, %d hints: %+v", proto, c.hints, res)
			}
		}
	}
}
