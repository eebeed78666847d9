package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A held request is one that the intake has begun to read, and whose body does not come.
type held struct {
	net.Conn
	answers *bufio.Reader
}

func hold(t *testing.T, s *server, body string) held {
	t.Helper()
	c, err := net.Dial("tcp", s.IntakeAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	h := held{c, bufio.NewReader(c)}
	fmt.Fprintf(c, "POST /webhooks/shop HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Type: application/cloudevents+json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", token, len(body))
	if line, err := h.answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the intake says %q, %v", line, err)
	}
	return h
}

func TestDeliveryStopsWhileTheIntakeCloses(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.until(http.StatusOK, "ready")
	body := `{"specversion":"1.0","id":"held","source":"/t","type":"t.made"}`
	h := hold(t, s, body)
	s.end()
	s.until(http.StatusServiceUnavailable, "stopping")
	s.shows("/metrics", "hookspan_shards_owned 0")
	if _, err := fmt.Fprint(h, body); err != nil {
		t.Fatal(err)
	}
	for { // behind the 100 stands an empty line
		line, err := h.answers.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "HTTP/1.1") {
			if !strings.Contains(line, "200 OK") {
				t.Errorf("the request in hand gets %s", line)
			}
			break
		}
	}
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// Requests and attempts that do not end share the time of a stop: half of it is for both, side by
// side, and the other half is left for what comes behind, and for a machine that is busy.
func TestAStopEndsInItsTime(t *testing.T) {
	t.Parallel()
	const grace = 10 * time.Second
	asked := make(chan struct{}, 1) // the endpoint sends when it is asked, the test receives
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else it is not heard of that the other side hangs up
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(hung.Close)
	s := start(t, nil, "HOOKSPAN_STOP_GRACE="+grace.String(), "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8",
		"HOOKSPAN_ENDPOINTS=hung", "HOOKSPAN_ENDPOINT_HUNG_URL="+hung.URL, "HOOKSPAN_ENDPOINT_HUNG_SIGNATURE=none", "HOOKSPAN_ENDPOINT_HUNG_TIMEOUT=1m")
	s.until(http.StatusOK, "ready")
	s.wants(http.StatusOK, "")(s.post("hangs"))
	<-asked
	hold(t, s, "a body that never comes")
	began := time.Now()
	s.end()
	if err := <-s.done; err != nil {
		t.Errorf("ended with %v", err)
	}
	ended := time.Now()
	s.closeBus()
	if took := time.Since(began); took >= grace {
		t.Errorf("the stop took %v, of %v that it has", took, grace)
	}
	if by := s.StopBy(); by.Before(began.Add(grace)) || by.After(ended.Add(grace)) {
		t.Errorf("everything has to be over %v after the stop began, want %v", by.Sub(began), grace)
	}
}
