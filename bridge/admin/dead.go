package admin

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/problem"
)

// resolvedAtOnce is how many marks are on their way at a time.
const resolvedAtOnce = 64

func (a *api) getDead(w http.ResponseWriter, r *http.Request) error {
	it, e, err := item(r, a.Dead)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, lookedAt(&it, e))
}

// replayOneDead sends the event of a dead letter to its endpoint once more, as a delivery of its own.
func (a *api) replayOneDead(w http.ResponseWriter, r *http.Request) error {
	it, _, err := item(r, a.Dead)
	if err != nil {
		return err
	}
	t, err := a.replayLetters(r.Context(), []aside.Item{it})
	switch {
	case err != nil:
		return err
	case len(t.Skipped) > 0:
		return problem.New(problem.Conflict).With(t.Skipped[0].Reason)
	}
	return write(w, http.StatusAccepted, t)
}

// meantDead are the dead letters that match the query in the body; a dry run is answered with their
// number.
func (a *api) meantDead(w http.ResponseWriter, r *http.Request) (items []aside.Item, answered bool, err error) {
	dry, err := dryRun(r)
	if err != nil {
		return nil, false, err
	}
	if items, err = a.itemsBy(w, r, a.Dead); err != nil || !dry {
		return items, false, err
	}
	return nil, true, write(w, http.StatusOK, tally{Matched: len(items), DryRun: true})
}

// replayDead does it with all that match the query in the body.
func (a *api) replayDead(w http.ResponseWriter, r *http.Request) error {
	items, answered, err := a.meantDead(w, r)
	if err != nil || answered {
		return err
	}
	t, err := a.replayLetters(r.Context(), items)
	if err != nil {
		return err
	}
	return write(w, http.StatusAccepted, t)
}

// replayLetters has a replay for each endpoint send them, and marks the letters as replayed then: one that
// was replayed and not marked is replayed again at most.
func (a *api) replayLetters(ctx context.Context, items []aside.Item) (tally, error) {
	t := tally{Matched: len(items)}
	replays := map[string]*letters{}
	for i := range items {
		it := &items[i]
		e := a.Registry.Set().ByName(it.Endpoint)
		switch {
		case e == nil:
			t.skip(it.Endpoint, "its endpoint has been deleted")
			continue
		case e.State != endpoint.Enabled:
			t.skip(it.Endpoint, "its endpoint is "+string(e.State)+": enable it first")
			continue
		case it.Cut:
			t.skip(it.Endpoint, "its dead letter is cut short: retry the delivery instead, which reads the event from its topic")
			continue
		}
		if replays[e.ID] == nil {
			replays[e.ID] = &letters{replay: delivery.Replay{ID: delivery.NewReplay(), Endpoint: e.ID, Created: time.Now().UTC()}}
		}
		replays[e.ID].add(it)
	}
	for _, id := range slices.Sorted(maps.Keys(replays)) {
		r := replays[id]
		r.replay.Listed = len(r.entries)
		if err := a.Outbound.Command(ctx, delivery.Command{Kind: delivery.StartReplay, Replay: &r.replay, Entries: r.entries}); err != nil {
			return t, fmt.Errorf("replay dead letters, after %d: %w", t.Accepted, err)
		}
		if err := resolveAll(ctx, a.Dead, r.items, aside.Replayed); err != nil {
			return t, err
		}
		t.Accepted += len(r.items)
		t.Replays = append(t.Replays, r.replay.ID)
		a.replays.hold(a.viewReplay(&delivery.ReplayStanding{Replay: r.replay, State: delivery.ReplayRunning, Matched: int64(r.replay.Listed)}))
		a.Log.Info("dead letters replayed by hand", "endpoint", a.nameOf(id), "accepted", len(r.items), "replay", r.replay.ID)
	}
	return t, nil
}

// letters are those of one endpoint that are replayed.
type letters struct {
	replay  delivery.Replay
	entries []delivery.Entry
	items   []*aside.Item
}

func (l *letters) add(it *aside.Item) {
	l.items = append(l.items, it)
	l.entries = append(l.entries, delivery.Entry{
		ID: delivery.ReplayID(l.replay.Endpoint, &it.Event, l.replay.ID), Endpoint: l.replay.Endpoint, Event: it.Event, Number: 1,
		Due: l.replay.Created, Created: l.replay.Created, Replay: l.replay.ID,
	})
}

// resolveAll makes durable what has become of items.
func resolveAll(ctx context.Context, of *aside.Shelf, items []*aside.Item, act aside.Act) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(resolvedAtOnce)
	for _, it := range items {
		group.Go(func() error { return of.Resolve(ctx, it, act) })
	}
	return group.Wait()
}

func (a *api) discardOneDead(w http.ResponseWriter, r *http.Request) error {
	it, _, err := item(r, a.Dead)
	if err != nil {
		return err
	}
	if err := a.Dead.Resolve(r.Context(), &it, aside.Discarded); err != nil {
		return err
	}
	a.Log.Info("dead letter discarded by hand", "delivery", it.ID, "endpoint", it.Endpoint)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) discardDead(w http.ResponseWriter, r *http.Request) error {
	items, answered, err := a.meantDead(w, r)
	if err != nil || answered {
		return err
	}
	all := make([]*aside.Item, len(items))
	for i := range items {
		all[i] = &items[i]
	}
	if err := resolveAll(r.Context(), a.Dead, all, aside.Discarded); err != nil {
		return err
	}
	a.Log.Info("dead letters discarded by hand", "accepted", len(items), "reason", reasonsOf(items))
	return write(w, http.StatusOK, tally{Matched: len(items), Accepted: len(items)})
}
