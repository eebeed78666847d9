package jetstream_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

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
		store, _ := openStore(t, embedded.Options{Dir: dir}, patient)
		if _, err := store.Publish(within(t), "hookspan.events.shop.made", order("before"), bus.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
	})
	store, _ := openStore(t, embedded.Options{Dir: dir}, jetstream.Options{})
	removeAtOnce(t, filepath.Join(dir, "jetstream", "EVENTS", "streams", "HOOKSPAN_EVENTS"))
	saysAndMakesAgain(t, store, "the files of stream HOOKSPAN_EVENTS were removed", "stream HOOKSPAN_EVENTS is missing")
	if got := follow(t, store, "HOOKSPAN_EVENTS", 1); got[0].Event.ID != "after" {
		t.Errorf("the stream begins with %s", got[0].Event.ID)
	}
}

// Without the folder of its messages a server goes on, too, and nothing that it acknowledges then is kept.
func TestNothingIsAcknowledgedIntoMessagesThatAreRemoved(t *testing.T) {
	t.Parallel()
	remove := map[string]func(t *testing.T, messages string){
		"the folder": removeAtOnce,
		"the block":  func(t *testing.T, messages string) { removeAtOnce(t, filepath.Join(messages, "1.blk")) },
	}
	for name, remove := range remove {
		for _, mode := range []embedded.Sync{embedded.Group, embedded.Always} {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				t.Parallel()
				o := embedded.Options{Dir: natstest.Folder(t), Sync: mode}
				t.Run("they are made", func(t *testing.T) {
					store, _ := openStore(t, o, patient)
					if _, err := store.Publish(within(t), "hookspan.events.shop.made", order("before"), bus.PublishOptions{}); err != nil {
						t.Fatal(err)
					}
				})
				var acknowledged []string
				t.Run("they are removed", func(t *testing.T) {
					store, _ := openStore(t, o, jetstream.Options{})
					eventually(t, "the block is open", func() bool {
						_, err := store.Publish(within(t), "hookspan.events.shop.made", order("opens the block"), bus.PublishOptions{})
						return err == nil
					})
					remove(t, filepath.Join(o.Dir, "jetstream", "EVENTS", "streams", "HOOKSPAN_EVENTS", "msgs"))
					tries := 0
					eventually(t, "events are taken again", func() bool {
						id := fmt.Sprint(tries)
						if _, err := store.Publish(within(t), "hookspan.events.shop.made", order(id), bus.PublishOptions{}); err == nil {
							acknowledged = append(acknowledged, id)
						}
						tries++
						return tries > 10 && len(acknowledged) > 0
					})
					eventually(t, "health is well", func() bool { return store.Health(within(t)) == nil })
				})
				store, _ := openStore(t, o, jetstream.Options{})
				var kept []string
				for _, m := range follow(t, store, "HOOKSPAN_EVENTS", len(acknowledged)) {
					kept = append(kept, m.Event.ID)
				}
				if !slices.Equal(kept, acknowledged) {
					t.Errorf("%v were acknowledged, the stream has %v", acknowledged, kept)
				}
			})
		}
	}
}

// Empty ones would forget silently what was pending, or for whom.
func TestALogThatIsGoneIsSaidAndNotMadeAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ log, removed string }{
		"the state":                    {"HOOKSPAN_STATE", ""},
		"the registry":                 {"HOOKSPAN_REGISTRY", ""},
		"the messages of the state":    {"HOOKSPAN_STATE", "msgs"},
		"the messages of the registry": {"HOOKSPAN_REGISTRY", "msgs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := natstest.Folder(t)
			log, says := c.log, "stream "+c.log+" is missing"
			t.Run("it is made", func(t *testing.T) {
				store, _ := openStore(t, embedded.Options{Dir: dir}, jetstream.Options{})
				for _, kind := range []bus.LogName{{Kind: bus.State}, {Kind: bus.Registry}} {
					if _, err := bus.NewChain(store, kind).Append(within(t), []byte("a record")); err != nil {
						t.Fatal(err)
					}
				}
			})
			t.Run("it is removed", func(t *testing.T) {
				store, _ := openStore(t, embedded.Options{Dir: dir}, jetstream.Options{})
				removeAtOnce(t, filepath.Join(dir, "jetstream", "HOOKSPAN", "streams", log, c.removed))
				eventually(t, "health says that it is missing", func() bool {
					err := store.Health(within(t))
					return errors.Is(err, bus.ErrUnavailable) && strings.Contains(err.Error(), says)
				})
			})
			s, err := embedded.Open(within(t), embedded.Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := openOn(t, s, jetstream.Options{}); err == nil || errors.Is(err, bus.ErrUnavailable) || !strings.Contains(err.Error(), says) {
				t.Errorf("after a restart: %v, want that the start is refused because %s", err, says)
			}
		})
	}
}

// What a source publishes to may lie on a stream of somebody else.
func TestAStreamOfOthersThatIsGoneIsSaid(t *testing.T) {
	t.Parallel()
	s, js := server(t)
	orders := natsjs.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}}
	stream(t, js, orders)
	store := mustOpenOn(t, s, jetstream.Options{Intake: []string{"orders.>"}})
	if err := store.Health(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(within(t), "ORDERS"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "health says that no stream takes the topic", func() bool {
		err := store.Health(within(t))
		return errors.Is(err, bus.ErrUnavailable) && strings.Contains(err.Error(), "no stream takes orders.>")
	})
	liar, err := js.Conn().Subscribe("orders.>", func(m *nats.Msg) {
		if m.Reply != "" {
			_ = m.Respond([]byte(`{"stream":"HOOKSPAN_EVENTS","seq":2}`))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := js.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	if r, err := store.Publish(within(t), "orders.new", order("1"), bus.PublishOptions{}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("somebody's acknowledgement is believed: %+v, %v", r, err)
	}
	if err := liar.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	stream(t, js, orders)
	eventually(t, "health is well", func() bool { return store.Health(within(t)) == nil })
}

// patient is a store that is not the subject: a busy machine may take longer than a user would wait.
var patient = jetstream.Options{PublishTimeout: time.Minute}

// removeAtOnce takes a file or a folder away in one step. One that goes piece by piece is filled again by
// a server that has noticed meanwhile.
func removeAtOnce(t *testing.T, path string) {
	t.Helper()
	aside := filepath.Join(natstest.Folder(t), "removed") // on the same volume
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(aside); err != nil {
		t.Fatal(err)
	}
}

func saysAndMakesAgain(t *testing.T, store *jetstream.Store, says ...string) {
	t.Helper()
	eventually(t, "health says that it is missing", func() bool {
		err := store.Health(within(t))
		return err != nil && slices.ContainsFunc(says, func(one string) bool { return strings.Contains(err.Error(), one) })
	})
	eventually(t, "events are taken again", func() bool {
		_, err := store.Publish(within(t), "hookspan.events.shop.made", order("after"), bus.PublishOptions{})
		return err == nil && store.Health(within(t)) == nil
	})
}
