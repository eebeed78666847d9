package webhook_test

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/sinks/webhook"
)

func TestFetch(t *testing.T) {
	t.Parallel()
	var led atomic.Int32
	answer := func(header, value, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header, value)
			_, _ = w.Write([]byte(body))
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/plain", answer("X-Any", "x", "keys"))
	mux.HandleFunc("/kept", answer("Cache-Control", `public, max-age=300, must-revalidate`, "keys"))
	mux.HandleFunc("/aged", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "Max-Age=300")
		w.Header().Set("Age", "100")
		_, _ = w.Write([]byte("keys"))
	})
	mux.HandleFunc("/nonsense", answer("Cache-Control", "max-age=-5", "keys"))
	mux.HandleFunc("/large", answer("X-Any", "x", strings.Repeat("k", 101)))
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/led", http.StatusFound) })
	mux.HandleFunc("/led", func(http.ResponseWriter, *http.Request) { led.Add(1) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "50")
		_, _ = w.Write([]byte("keys"))
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := webhook.New(webhook.Options{Egress: loopback(), RootCAs: roots})
	t.Cleanup(s.Close)

	for path, want := range map[string]time.Duration{"/plain": 0, "/kept": 5 * time.Minute, "/aged": 200 * time.Second, "/nonsense": 0} {
		text, fresh, err := s.Fetch(t.Context(), server.URL+path, 100)
		if err != nil || string(text) != "keys" || fresh != want {
			t.Errorf("%s: %q, %v, %v", path, text, fresh, err)
		}
	}
	for at, want := range map[string]string{
		server.URL + "/large":   "more than 100 bytes",
		server.URL + "/away":    "answered 302",
		server.URL + "/missing": "answered 404",
		server.URL + "/cut":     "closed",
		strings.Replace(server.URL, "https:", "http:", 1) + "/": "https",
		"https://": "URL",
		"::":       "URL",
	} {
		if text, _, err := s.Fetch(t.Context(), at, 100); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %q, %v", at, text, err)
		}
	}
	if led.Load() != 0 {
		t.Error("a redirect was followed")
	}
	guarded := webhook.New(webhook.Options{RootCAs: roots})
	t.Cleanup(guarded.Close)
	if _, _, err := guarded.Fetch(t.Context(), server.URL+"/plain", 100); err == nil {
		t.Error("a host was asked where no endpoint may be")
	}
}
