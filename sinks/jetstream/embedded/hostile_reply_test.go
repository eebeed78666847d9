package embedded_test

import (
	"fmt"
	"strings"
	"testing"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// Whatever a client calls its inbox, and however it breaks off, others are served.
func TestRepliesOfEveryKind(t *testing.T) {
	t.Parallel()
	s := open(t, embedded.Options{Listen: "127.0.0.1:0"})
	_, js := dial(t, s)
	must(js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "mine"}))
	publish(t, s, "one")
	c := plug(t, s)
	for _, reply := range []string{
		"_INBOX.", "_INBOX", "_INBOX.*", "_INBOX.>", "_INBOX.raw.*", "_INBOX.raw.>", "_INBOX..a", "_INBOX.a.", "_INBOX.a..b", "_INBOX." + strings.Repeat("x.", 120) + "x",
		"_INBOX." + strings.Repeat("x", 2000), "_INBOX.\x01", "_INBOX.\xff", "$HS.to.hookspan.0._INBOX.raw.1", "$HS.from.hookspan.0.x", "_HOOKSPAN.>", "$JS.API.INFO", topic, ">", "*", ".",
	} {
		for _, subject := range []string{topic, "$JS.API.INFO", "$JS.API.CONSUMER.MSG.NEXT." + eventsOf + ".mine", "$JS.API.CONSUMER.MSG.NEXT." + eventsOf + ".*", "$JS.API.CONSUMER.MSG.NEXT." + eventsOf + ".nobody", "$JS.ACK." + eventsOf + ".mine.1.1.1.1.0", "$JS.ACK." + eventsOf + ".mine", "$JS.ACK.", "$JS.API."} {
			c.say(t, fmt.Sprintf("PUB %s %s 1\r\n1\r\n", subject, reply))
		}
	}
	if first, second := c.request(t, "$JS.API.CONSUMER.MSG.NEXT."+eventsOf+".nobody", "1"); !strings.HasPrefix(first, "HMSG") && !strings.HasPrefix(first, "MSG") {
		t.Errorf("after all of it: %q, %q", first, second)
	}
	c.say(t, "PUB "+topic+" 1000\r\nhalf")
	_ = c.Close()
	one := plug(t, s)
	one.say(t, "PUB hal")
	_ = one.Close()
	if _, err := js.Publish(within(t), topic, []byte("another")); err != nil {
		t.Error(err)
	}
	publish(t, s, "two")
}
