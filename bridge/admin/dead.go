package admin

import (
	"context"
	"fmt"
	"net/http"
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

// replayDead does it with all that match the query in the body.
func (a *api) replayDead(w http.ResponseWriter, r *http.Request) error {
	dry, err := dryRun(r)
	if err != nil {
		return err
	}
	items, err := a.itemsBy(w, r, a.Dead)
	switch {
	case err != nil:
		return err
	case dry:
		return write(w, http.StatusOK, tally{Matched: len(items), DryRun: true})
	}
	t, err := a.replayLetters(r.Context(), items)
	if err != nil {
		return err
	}
	return write(w, http.StatusAccepted, t)
}

// replayLetters asks the endpoints' owners first, and marks the letters as replayed then: one that
// was replayed and not marked is replayed again at most.
func (a *api) replayLetters(ctx context.Context, items []aside.Item) (tally, error) {
	t := tally{Matched: len(items)}
	c := delivery.Command{Kind: delivery.RetryNow}
	replay, now := delivery.NewReplay(), time.Now()
	var asked []*aside.Item
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
		}
		c.Entries = append(c.Entries, delivery.Entry{
			ID: delivery.ReplayID(e.ID, &it.Event, replay), Endpoint: e.ID, Event: it.Event, Number: 1, Due: now, Created: now, Replay: replay,
		})
		asked = append(asked, it)
	}
	if len(asked) == 0 {
		return t, nil
	}
	if err := a.Outbound.Command(ctx, c); err != nil {
		return t, fmt.Errorf("replay dead letters: %w", err)
	}
	t.Accepted, t.Replay = len(asked), replay
	a.Log.Info("dead letters replayed by hand", "matched", t.Matched, "accepted", t.Accepted, "replay", replay)
	return t, resolveAll(ctx, a.Dead, asked, aside.Replayed)
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
	dry, err := dryRun(r)
	if err != nil {
		return err
	}
	items, err := a.itemsBy(w, r, a.Dead)
	switch {
	case err != nil:
		return err
	case dry:
		return write(w, http.StatusOK, tally{Matched: len(items), DryRun: true})
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
