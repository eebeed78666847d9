package aside_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
)

const dead bus.Partition = "dead"

// A room is a topic with dead letters, and whoever looks at it.
type room struct {
	t     *testing.T
	store *dispatchtest.Store
	shelf *aside.Shelf
	acts  []aside.Act
}

func inRoom(t *testing.T, do func(t *testing.T, r *room)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &room{t: t, store: dispatchtest.New()}
		r.store.AddPartition(dead, "first")
		r.shelf = r.another()
		do(t, r)
	})
}

// another is the shelf of another process.
func (r *room) another() *aside.Shelf {
	client := r.store.Connect()
	return aside.New(aside.Options{Topic: string(dead), Reader: client, Publisher: client, Resolved: func(a aside.Act) { r.acts = append(r.acts, a) }, Most: 4})
}

// letter sets the n-th event aside.
func (r *room) letter(n int, endpoint string) {
	<-time.After(time.Second)
	e := dispatchtest.Event(n, "com.acme.order")
	e.SetExtension(delivery.ExtensionEndpoint, endpoint)
	e.SetExtension(delivery.ExtensionDelivery, fmt.Sprint("dlv_", n))
	e.SetExtension(delivery.ExtensionReason, "exhausted")
	e.SetExtension(delivery.ExtensionAttempts, "7")
	e.SetExtension(delivery.ExtensionTopic, "hookspan.events.shop")
	r.store.Publish(dead, e)
}

func (r *room) lists(of *aside.Shelf, want string) {
	r.t.Helper()
	all, err := of.All(r.t.Context(), func(*aside.Item) bool { return true })
	if err != nil {
		r.t.Fatal(err)
	}
	var ids []string
	for _, it := range all {
		ids = append(ids, strings.TrimPrefix(it.ID, "dlv_"))
	}
	if got := strings.Join(ids, " "); got != want {
		r.t.Errorf("listed are %q, want %q", got, want)
	}
}

func (r *room) resolve(of *aside.Shelf, id string, act aside.Act) {
	r.t.Helper()
	it, e, err := of.Get(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	if it.Endpoint != "crm" || it.Reason != "exhausted" || it.Attempts != 7 || it.Event.Topic != "hookspan.events.shop" || e.Extension(delivery.ExtensionDelivery) != id {
		r.t.Errorf("found %+v with %v", it, e)
	}
	if was := delivery.Restored(e); len(was.Extensions) != 0 || len(e.Extensions) == 0 {
		r.t.Errorf("restored with %v", was.Extensions)
	}
	if err := of.Resolve(r.t.Context(), &it, act); err != nil {
		r.t.Fatal(err)
	}
}

// What became of a letter is known to every process, also to one that reads the topic later; a
// delivery that is given up once more is there again, and its second letter stands for both.
func TestWhatBecomesOfALetterIsKnownToAll(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		other := r.another()
		for n := 1; n <= 3; n++ {
			r.letter(n, "crm")
		}
		r.lists(r.shelf, "3 2 1")
		r.lists(other, "3 2 1")
		r.resolve(r.shelf, "dlv_2", aside.Replayed)
		for _, of := range []*aside.Shelf{r.shelf, other, r.another()} {
			r.lists(of, "3 1")
			if _, _, err := of.Get(t.Context(), "dlv_2"); !errors.Is(err, aside.ErrNoItem) {
				t.Errorf("what was replayed is looked up with error %v", err)
			}
		}
		r.letter(2, "crm")
		r.letter(1, "crm")
		for _, of := range []*aside.Shelf{r.shelf, other, r.another()} {
			r.lists(of, "1 2 3")
		}
		r.resolve(other, "dlv_1", aside.Discarded)
		for _, of := range []*aside.Shelf{r.shelf, other, r.another()} {
			r.lists(of, "2 3")
		}
		if fmt.Sprint(r.acts) != "[replayed discarded]" {
			t.Errorf("told of %v", r.acts)
		}
	})
}

// An event that is sent again is no dead letter: when it is given up once more, that is told.
func TestWhatIsSetAsideIsNoReport(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		r.letter(1, "crm")
		if it, _, err := r.shelf.Get(t.Context(), "dlv_1"); err != nil || it.Event.Report {
			t.Errorf("%+v, %v", it, err)
		}
	})
}

func TestALetterGoesWithItsTopic(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		for n := 1; n <= 3; n++ {
			r.letter(n, "crm")
		}
		r.lists(r.shelf, "3 2 1")
		r.store.Expire(dead, 3)
		r.lists(r.shelf, "3")
		r.store.Recreate(dead, "second")
		r.letter(7, "crm")
		r.lists(r.shelf, "7")
	})
}

func TestNoMoreLettersThanAreKept(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		for n := 1; n <= 6; n++ {
			r.letter(n, "crm")
		}
		r.lists(r.shelf, "6 5 4 3")
	})
}

// A mark that no process has acknowledged says nothing: the letter is still there.
func TestALetterStaysUntilItsMarkIsDurable(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		r.letter(1, "crm")
		client := r.store.Connect()
		client.Set(dispatchtest.Faults{Call: func(name string) error {
			if name == "Publish" {
				return bus.ErrStoreFull
			}
			return nil
		}})
		of := aside.New(aside.Options{Topic: string(dead), Reader: client, Publisher: client})
		it, _, err := of.Get(t.Context(), "dlv_1")
		if err != nil {
			t.Fatal(err)
		}
		if err := of.Resolve(t.Context(), &it, aside.Discarded); !errors.Is(err, bus.ErrStoreFull) {
			t.Errorf("discarded with error %v", err)
		}
		r.lists(of, "1")
	})
}
