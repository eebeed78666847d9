package webhook

import (
	"strconv"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// A server that learns HTTP/2 is found out in time.
func TestHTTP1IsBelievedForAWhile(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	defer s.Close()
	r := s.usual
	if r.speaksHTTP1("a:443") {
		t.Error("of an address that was never asked")
	}
	r.http1.Store("a:443", time.Now())
	r.http1.Store("b:443", time.Now().Add(-offerAgain-time.Second))
	if !r.speaksHTTP1("a:443") || r.speaksHTTP1("b:443") {
		t.Error("not for an hour")
	}
}

// However many proxies endpoints have had, those that nobody uses are forgotten.
func TestWaysAreForgotten(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	defer s.Close()
	long := time.Now().Add(-2 * routeKept).Unix()
	for i := range 3 * routesKept {
		r, err := s.route(&delivery.Request{Proxy: "http://proxy.example:" + strconv.Itoa(i+1)})
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			r.used.Store(long)
		}
	}
	first, err := s.route(&delivery.Request{Proxy: "http://proxy.example:1"})
	if err != nil || first.used.Load() == long || len(s.own.known) > routesKept {
		t.Errorf("%d ways, %v", len(s.own.known), err)
	}
}
