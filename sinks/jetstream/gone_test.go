package jetstream_test

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
)

// The embedded server's streams are files that others may reach.
func TestAnEmbeddedStreamThatIsGoneIsSaidAndMadeAgain(t *testing.T) {
	t.Parallel()
	s, js := server(t)
	store := mustOpenOn(t, s, jetstream.Options{})
	if err := js.DeleteStream(within(t), "HOOKSPAN_EVENTS"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "health says that it is missing", func() bool {
		err := store.Health(within(t))
		return err != nil && strings.Contains(err.Error(), "stream HOOKSPAN_EVENTS is missing")
	})
	eventually(t, "events are taken again", func() bool {
		_, err := store.Publish(within(t), "hookspan.events.shop.made", order("after"), bus.PublishOptions{})
		return err == nil && store.Health(within(t)) == nil
	})
}
