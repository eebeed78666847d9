package app_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
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

func TestAStopEndsInItsTime(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "HOOKSPAN_STOP_GRACE=3s", "HOOKSPAN_ROLES=receiver")
	s.until(http.StatusOK, "ready")
	hold(t, s, "a body that never comes")
	s.end()
	if err := <-s.done; err != nil {
		t.Errorf("ended with %v", err)
	}
	if left := time.Until(s.StopBy()); left > 3*time.Second {
		t.Errorf("the stop has %v left, more than all that it may take", left)
	}
}
