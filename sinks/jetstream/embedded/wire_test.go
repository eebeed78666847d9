package embedded_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// A socket is a client that has no library.
type socket struct {
	net.Conn
	in *bufio.Reader
}

func plug(t *testing.T, s *opened) *socket {
	t.Helper()
	c := wire(t, s)
	c.say(t, hello+"SUB _INBOX.raw.* 1\r\nPING\r\n")
	for c.line(t) != "PONG" {
	}
	return c
}

const hello = "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"go\",\"protocol\":1,\"headers\":true,\"no_responders\":true}\r\n"

// wire is a connection on which nothing was said.
func wire(t *testing.T, s *opened) *socket {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.ClientURL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &socket{conn, bufio.NewReader(conn)}
}

func (c *socket) say(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func (c *socket) line(t *testing.T) string {
	t.Helper()
	line, err := c.in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(line, "\r\n")
}

func (c *socket) request(t *testing.T, subject, body string) (first, second string) {
	t.Helper()
	c.say(t, fmt.Sprintf("PUB %s _INBOX.raw.1 %d\r\n%s\r\n", subject, len(body), body))
	for first = c.line(t); first == "PING" || strings.HasPrefix(first, "INFO"); first = c.line(t) {
	}
	second = c.line(t)
	if strings.HasPrefix(first, "HMSG") {
		for c.line(t) != "" { // what else is in the header
		}
		_ = c.line(t)
	}
	return first, second
}

// A status stands in the first line of the header: most client libraries look nowhere else.
func TestStatusesAreWhereClientsLook(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	_, js := dial(t, s)
	must(js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "mine"}))
	c := plug(t, s)
	for _, test := range []struct{ subject, body, want string }{
		{"$JS.API.CONSUMER.MSG.NEXT." + eventsOf + ".nobody", "1", "NATS/1.0 503"},
		{"$JS.API.CONSUMER.MSG.NEXT." + eventsOf + ".mine", `{"batch":1,"idle_heartbeat":1}`, "NATS/1.0 400 Bad Request - idle_heartbeat"},
		{"$JS.API.CONSUMER.MSG.NEXT." + eventsOf + ".mine", `{"batch":1,"no_wait":true}`, "NATS/1.0 404"},
		{"$JS.API.DIRECT.GET." + eventsOf, `{"seq":1}`, "NATS/1.0 403 DIRECT.GET."},
		{"$JS.ACK." + eventsOf + ".mine.1.1.1.1.0", "+NXT", "NATS/1.0 409 +NXT"},
		{"$JS.ACK." + eventsOf + ".nobody.1.1.1.1.0", "+ACK", "NATS/1.0 503"},
		{"$SYS.REQ.SERVER.PING", "", "NATS/1.0 503"},
	} {
		first, second := c.request(t, test.subject, test.body)
		if !strings.HasPrefix(first, "HMSG _INBOX.raw.1 1 ") || !strings.HasPrefix(second, test.want) {
			t.Errorf("%s: %q, %q, want %s", test.subject, first, second, test.want)
		}
	}
}

// What a client sends in one packet with its CONNECT is heard like all the rest.
func TestWhatComesWithTheFirstPacketIsHeard(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	c := wire(t, s)
	c.say(t, hello+"SUB _INBOX.raw.* 1\r\nPUB hookspan.events.early 1\r\na\r\nPUB hookspan.events.early _INBOX.raw.1 1\r\nb\r\n")
	for {
		if line := c.line(t); strings.HasPrefix(line, "MSG ") || strings.HasPrefix(line, "HMSG ") {
			break
		}
	}
	if answer := c.line(t); !strings.Contains(answer, `"seq":2`) {
		t.Errorf("answered %s", answer)
	}
}

// Whoever acknowledges to a consumer that was deleted hears so, and waits for nothing.
func TestAcknowledgementsToNobody(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	_, js := dial(t, s)
	publish(t, s, "one")
	c := must(js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "mine"}))
	m, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteConsumer(within(t), eventsOf, "mine"); err != nil {
		t.Fatal(err)
	}
	if err := m.DoubleAck(within(t)); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("acknowledged: %v", err)
	}
}

// What clients ask the server's level for, such as to pause a consumer, is offered.
func TestClientsPauseConsumers(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	nc, js := dial(t, s)
	must(js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "mine"}))
	answer, err := nc.RequestWithContext(within(t), "$JS.API.INFO", nil)
	if err != nil || strings.Contains(string(answer.Data), `"level":0`) || !strings.Contains(string(answer.Data), `"level":`) {
		t.Errorf("%s, %v", answer.Data, err)
	}
	if p, err := js.PauseConsumer(within(t), eventsOf, "mine", time.Now().Add(time.Hour)); err != nil || !p.Paused {
		t.Errorf("%+v, %v", p, err)
	}
}

// What is too long only with the header that the desk adds will be so whenever it is tried again.
func TestAMessageAtTheBound(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	nc, js := dial(t, s)
	_, err := js.Publish(within(t), topic, make([]byte, nc.MaxPayload()))
	var api *natsjs.APIError
	if !errors.As(err, &api) || api.Code != 400 || !strings.Contains(api.Description, "more than") {
		t.Errorf("%v", err)
	}
	if _, err := js.Publish(within(t), topic, make([]byte, nc.MaxPayload()-64)); err != nil {
		t.Errorf("a little less: %v", err)
	}
}
