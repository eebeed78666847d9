package jetstream_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

func TestAnEmbeddedStreamThatIsGoneIsSaidAndMadeAgain(t *testing.T) {
	t.Parallel()
	s, js := server(t)
	store := mustOpenOn(t, s, jetstream.Options{})
	if err := js.DeleteStream(within(t), "HOOKSPAN_EVENTS"); err != nil {
		t.Fatal(err)
	}
	saysAndMakesAgain(t, store, "stream HOOKSPAN_EVENTS is missing")
}

// A server would go on without its files, and what it acknowledged would be gone with it.
func TestAnEmbeddedStreamWhoseFilesAreRemovedIsSaidAndMadeAgain(t *testing.T) {
	t.Parallel()
	dir := natstest.Folder(t)
	t.Run("they are made", func(t *testing.T) {
		store, _ := openStore(t, embedded.Options{Dir: dir}, jetstream.Options{})
		if _, err := store.Publish(within(t), "hookspan.events.shop.made", order("before"), bus.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
	})
	store, _ := openStore(t, embedded.Options{Dir: dir}, jetstream.Options{})
	if err := os.RemoveAll(filepath.Join(dir, "jetstream", "EVENTS", "streams", "HOOKSPAN_EVENTS")); err != nil {
		t.Fatal(err)
	}
	saysAndMakesAgain(t, store, "HOOKSPAN_EVENTS")
	if got := follow(t, store, "HOOKSPAN_EVENTS", 1); got[0].Event.ID != "after" {
		t.Errorf("the stream begins with %s", got[0].Event.ID)
	}
}

func saysAndMakesAgain(t *testing.T, store *jetstream.Store, says string) {
	t.Helper()
	eventually(t, "health says that it is missing", func() bool {
		err := store.Health(within(t))
		return err != nil && strings.Contains(err.Error(), says)
	})
	eventually(t, "events are taken again", func() bool {
		_, err := store.Publish(within(t), "hookspan.events.shop.made", order("after"), bus.PublishOptions{})
		return err == nil && store.Health(within(t)) == nil
	})
}
