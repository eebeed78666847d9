package embedded_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// Whoever asks without end is disconnected before it fills the memory, whether or not it
// listens to the answers, and nobody else is.
func TestAClientThatAsksWithoutEndIsDisconnected(t *testing.T) {
	t.Parallel()
	const most = 400 // fewer than the requests that wait at one consumer
	o := embedded.Options{Listen: "127.0.0.1:0"}
	o.Remembering(most)
	s := open(t, o)
	modest, js := dial(t, s, nats.NoReconnect())
	messages, err := must(js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "modest"})).Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	must(js.CreateConsumer(within(t), eventsOf, natsjs.ConsumerConfig{Durable: "slow"}))
	for _, listens := range []bool{true, false} {
		t.Run(fmt.Sprint("listens ", listens), func(t *testing.T) {
			gone := make(chan struct{})
			greedy, _ := dial(t, s, nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(gone) }))
			inbox := greedy.NewInbox()
			if listens {
				if _, err := greedy.Subscribe(inbox, func(*nats.Msg) {}); err != nil {
					t.Fatal(err)
				}
			}
			for asked := 0; ; asked++ {
				err := greedy.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+eventsOf+".slow", inbox, []byte(`{"batch":1,"expires":20000000000}`))
				if err != nil {
					break
				}
				if asked > 200_000 {
					t.Fatalf("after %d requests the server remembers %d", asked, s.Remembered())
				}
			}
			receive(t, gone)
			waitFor(t, func() bool { return s.Remembered() < most/10 })
		})
	}
	publish(t, s, "after")
	if m, err := messages.Next(); err != nil || m.Headers().Get("ce-id") != "after" || !modest.IsConnected() {
		t.Errorf("the modest client got %v, %v", m, err)
	}
}
