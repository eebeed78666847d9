package backup

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/statelog"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

const followed = "hookspan.events.>"

// An installation has one shard, which no process owns.
type installation struct {
	*jetstream.Store
	t        *testing.T
	registry *endpoint.Registry
	log      *slog.Logger
}

// open opens an empty bus.
func open(t *testing.T) *installation {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	server, err := embedded.Open(t.Context(), embedded.Options{Dir: natstest.Folder(t), Sync: embedded.Lazy, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	store, err := jetstream.Open(t.Context(), server.Conns(), jetstream.Options{
		EventStore: server.EventStore(), PrivateStore: server.PrivateStore(), Disk: server, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &installation{store, t, endpoint.NewRegistry(store, nil, endpoint.Options{Log: log}), log}
}

// begin is what a first start does.
func (i *installation) begin() {
	i.t.Helper()
	if _, err := i.registry.Shards(i.t.Context(), 1); err != nil {
		i.t.Fatal(err)
	}
	if _, err := i.registry.Starts(i.t.Context(), []string{followed}); err != nil {
		i.t.Fatal(err)
	}
}

func (i *installation) create(name string) (id string) {
	i.t.Helper()
	return i.createOf(name, "")
}

// createOf makes an endpoint of a tenant.
func (i *installation) createOf(name, tenant string) (id string) {
	i.t.Helper()
	e := endpoint.Default()
	e.Name, e.URL, e.Signature, e.Topics = name, "https://crm.example/in", "none", []string{followed}
	e.Tenant = tenant
	e, err := i.registry.Create(i.t.Context(), e)
	if err != nil {
		i.t.Fatal(err)
	}
	return e.ID
}

// publish is of an event by its id, and returns it as it is read.
func (i *installation) publish(id string) bus.Message {
	i.t.Helper()
	return i.publishOf(id, "")
}

// publishOf is publish of a tenant's event.
func (i *installation) publishOf(id, tenant string) bus.Message {
	i.t.Helper()
	e := eventtest.Order()
	e.ID = id
	if tenant != "" {
		e.SetExtension("tenant", tenant)
	}
	r, err := i.Publish(i.t.Context(), "hookspan.events.shop.paid", e, bus.PublishOptions{Key: id})
	if err != nil {
		i.t.Fatal(err)
	}
	m, err := i.Get(i.t.Context(), r.Partition, r.Position)
	if err != nil {
		i.t.Fatal(err)
	}
	return m
}

func (i *installation) source() Source {
	return Source{Store: i.Store, Topics: []string{followed}, Layout: Layout{Namespace: "hookspan", Prefix: "hookspan.events"}, Log: i.log}
}

func (i *installation) target() Target {
	return Target{Topics: i.source().Topics, Layout: i.source().Layout, Shards: 1, Mark: receiver.MarkOf, Log: i.log}
}

// written is a backup, and what stands in it: accounts by endpoint, and the events with what is
// owed of them.
func written(t *testing.T, s Source) (file []byte, accounts map[string]*account, owing map[string][]owed) {
	t.Helper()
	var b bytes.Buffer
	if err := Write(t.Context(), s, &b); err != nil {
		t.Fatal(err)
	}
	accounts, owing = map[string]*account{}, map[string][]owed{}
	_, _, err := read(bytes.NewReader(b.Bytes()), func(l *line) error {
		if l.Event != nil {
			owing[l.Event.ID] = l.Event.Owed
			return nil
		}
		ep, err := endpoint.ReadRecord(l.Endpoint.Record, nil)
		if err == nil {
			accounts[ep.ID] = l.Endpoint
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), accounts, owing
}

// A live bus has somebody do something when it is first asked what it holds.
type live struct {
	Store
	meanwhile func()
}

func (l live) Spans(ctx context.Context) ([]bus.Span, error) {
	l.meanwhile()
	return l.Store.Spans(ctx)
}

// Endpoints that come and go while a backup is made are in it as a whole or not at all: nothing is
// owed to one that is not in it, and one that is in it is owed what it takes.
func TestEndpointsComeAndGoMeanwhile(t *testing.T) {
	t.Parallel()
	i := open(t)
	i.begin()
	goes := i.create("goes")
	i.publish("before")
	var comes string
	source := i.source()
	source.Store = live{i.Store, sync.OnceFunc(func() {
		if err := i.registry.Delete(t.Context(), goes, nil); err != nil {
			t.Error(err)
		}
		comes = i.create("comes")
		i.publish("after")
	})}
	_, accounts, owing := written(t, source)
	if len(owing) != 2 {
		t.Errorf("it holds %v, want two events", owing)
	}
	for event, to := range owing {
		for _, o := range to {
			if accounts[o.Endpoint] == nil {
				t.Errorf("%s is owed to endpoint %s, which is not in the backup", event, o.Endpoint)
			}
		}
	}
	if to := owing["after"]; accounts[comes] != nil && !slices.ContainsFunc(to, func(o owed) bool { return o.Endpoint == comes }) {
		t.Errorf("what came after the endpoint is owed to %v", to)
	}
}

// Who is owed what goes by tenants, before a backup and after a restore.
func TestABackupOwesTenantsTheirOwn(t *testing.T) {
	t.Parallel()
	i := open(t)
	i.begin()
	acme, all := i.createOf("acme", "acme"), i.create("all")
	const rounds = inARow + 2 // enough for a range
	for n := range rounds {
		i.publishOf(fmt.Sprint("acme", n), "acme")
		i.publishOf(fmt.Sprint("other", n), "other")
		i.publish(fmt.Sprint("nobody", n))
	}
	file, _, owing := written(t, i.source())
	for event, to := range owing {
		var ids []string
		for _, o := range to {
			ids = append(ids, o.Endpoint)
		}
		if slices.Contains(ids, acme) != strings.HasPrefix(event, "acme") || !slices.Contains(ids, all) {
			t.Errorf("%s is owed to %v", event, ids)
		}
	}
	to := open(t)
	x, err := Examine(bytes.NewReader(file), i.target())
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Restore(t.Context(), to.Store); err != nil {
		t.Fatal(err)
	}
	if err := to.registry.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ep, met := to.registry.Set().ByID(acme), 0
	for _, f := range to.reads().Feeds[acme] {
		for _, r := range f.Ranges {
			for seq := r.From.Seq + 1; seq <= r.To.Seq; seq++ {
				m, err := to.Get(t.Context(), partitionOf(t, to), bus.Position{Identity: r.From.Identity, Seq: seq})
				if err != nil {
					t.Fatal(err)
				}
				if ep.Takes(&m) {
					if met++; m.Event.Extension("tenant") != "acme" {
						t.Errorf("a range brings %s to it", m.Event.ID)
					}
				}
			}
		}
	}
	if met != rounds || ep.Tenant != "acme" {
		t.Errorf("a range brings %d events to the endpoint of tenant %q, want %d", met, ep.Tenant, rounds)
	}
}

func partitionOf(t *testing.T, i *installation) bus.Partition {
	t.Helper()
	spans, err := i.Spans(t.Context())
	if err != nil || len(spans) != 1 {
		t.Fatalf("%v, %v", spans, err)
	}
	return spans[0].Partition
}

// A backup reads what a successor of the shard would: its state, the journal behind it, commands
// that nobody has acted on. After a restore the state of the shard says the same.
func TestABackupHasWhatASuccessorWouldKnow(t *testing.T) {
	t.Parallel()
	i := open(t)
	i.begin()
	unowed := i.publish("unowed") // before there is an endpoint
	ep := i.create("crm")
	began, later := time.Now().UTC().Truncate(time.Second), time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	refs, ids := map[string]delivery.EventRef{}, []string{"waits", "delivered", "retried", "taken", "failed", "new"}
	entry := func(event string, number int) *delivery.Entry {
		ref := refs[event]
		return &delivery.Entry{ID: delivery.ID(ep, &ref), Endpoint: ep, Event: ref, Number: number, Due: later, Created: began}
	}
	for _, id := range ids {
		m := i.publish(id)
		refs[id] = delivery.RefOf(&m)
	}
	state := statelog.Record{
		Revision: i.registry.Set().Revision, Journal: bus.NoPosition, Commands: bus.NoPosition,
		Put:       []*delivery.Entry{entry("waits", 3), entry("delivered", 2)},
		Positions: bus.Positions{unowed.Partition: refs["retried"].Position}, // it was fed up to here
		Failing:   map[string]int64{ep: began.UnixNano()},
		Held:      map[string]statelog.Hold{ep: {Until: later.UnixNano(), By: delivery.HeldBySlowing}},
		Spent:     map[string]statelog.Spent{ep: {Width: int64(time.Minute), Slots: []int64{100, 3}, Ahead: 1}},
	}
	state.Put[0].Asked = true
	i.writes(&state)
	journal := delivery.NewBatch(3)
	for event, a := range map[string]delivery.Attempt{
		"delivered": {Number: 2, Outcome: delivery.Delivered},
		"taken":     {Number: 1, Outcome: delivery.Delivered},
		"failed":    {Number: 1, Next: later},
	} {
		e := entry(event, 0)
		a.Delivery, a.Endpoint, a.Event, a.Sent = e.ID, ep, e.Event, began
		journal = delivery.AppendAttempt(journal, &a)
	}
	if _, err := i.AppendJournal(t.Context(), 0, journal); err != nil {
		t.Fatal(err)
	}
	i.commands(delivery.Command{Kind: delivery.RetryNow, Entry: *entry("retried", 4)})

	source := i.source()
	source.Since = Since{none: true}
	file, accounts, owing := written(t, source)
	want := map[string][]owed{
		"waits":   {{Endpoint: ep, Number: 3, Due: later, Created: began, Asked: true}},
		"retried": {{Endpoint: ep, Number: 4, Created: began}},
		"failed":  {{Endpoint: ep, Number: 2, Due: later, Created: began}},
		"new":     {{Endpoint: ep}},
	}
	if diff := cmp.Diff(want, owing); diff != "" {
		t.Errorf("wanted and found differ:\n%s", diff)
	}
	if a := accounts[ep]; a.Failing != state.Failing[ep] || a.Held != state.Held[ep] {
		t.Errorf("of the endpoint it says %+v", a)
	}
	source.Since = Since{}
	if _, _, owing := written(t, source); len(owing) != 7 {
		t.Errorf("with all events it holds %v", owing)
	}

	to := open(t)
	x, err := Examine(bytes.NewReader(file), i.target())
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Restore(t.Context(), to.Store); err != nil {
		t.Fatal(err)
	}
	got := to.reads()
	if got.Failing[ep] != state.Failing[ep] || got.Held[ep] != state.Held[ep] || !cmp.Equal(got.Spent, state.Spent) {
		t.Errorf("restored are %v, %v, %v", got.Failing, got.Held, got.Spent)
	}
	numbers := map[string]int{}
	for _, e := range got.Entries {
		numbers[e.Event.ID] = e.Number
		if e.Asked != (e.Event.ID == "waits") {
			t.Errorf("%s is asked for: %t", e.Event.ID, e.Asked)
		}
	}
	if diff := cmp.Diff(map[string]int{"waits": 3, "retried": 4, "failed": 2, "new": 1}, numbers); diff != "" {
		t.Errorf("wanted and restored differ:\n%s", diff)
	}
}

// writes begins the state of the shard.
func (i *installation) writes(r *statelog.Record) {
	i.t.Helper()
	log := statelog.New(i.Store, 0, i.log, statelog.Sizes{})
	if err := log.Load(i.t.Context()); err != nil {
		i.t.Fatal(err)
	}
	if err := log.Claim(i.t.Context()); err != nil {
		i.t.Fatal(err)
	}
	if err := log.Write(i.t.Context(), r); err != nil {
		i.t.Fatal(err)
	}
}

// reads is the state of the shard.
func (i *installation) reads() *statelog.State {
	i.t.Helper()
	log := statelog.New(i.Store, 0, i.log, statelog.Sizes{})
	if err := log.Load(i.t.Context()); err != nil {
		i.t.Fatal(err)
	}
	return log.State()
}

// commands gives the shards a command.
func (i *installation) commands(c delivery.Command) {
	i.t.Helper()
	data, err := c.Encode()
	if err != nil {
		i.t.Fatal(err)
	}
	chain := bus.NewChain(i.Store, bus.LogName{Kind: bus.Commands})
	if err := chain.SkipAll(i.t.Context()); err != nil {
		i.t.Fatal(err)
	}
	if _, err := chain.Append(i.t.Context(), data); err != nil {
		i.t.Fatal(err)
	}
}
