package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/journal"
)

// pendingRetry is the pause after a bus that did not tell what is pending.
const pendingRetry = 5 * time.Second

// observer is whoever hears of deliveries: the index, where there is an API to show it, and
// what the caller brought.
func (a *App) observer() delivery.Observer {
	var all observers
	switch {
	case !a.runs(config.RoleAdmin):
	case a.opened.Load().Shared != nil:
		all = append(all, a.index.Takeovers())
	default:
		all = append(all, a.index)
	}
	if a.Observer != nil {
		all = append(all, a.Observer)
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// A reading is how the index learns what this process does not tell it.
type reading struct {
	index      *journal.Index
	dispatcher *dispatch.Dispatcher
	opened     *Opened
	log        *slog.Logger
}

func (a *App) reading() reading { return reading{a.index, a.dispatcher, a.opened.Load(), a.Log} }

// load reads what was attempted before the start from the journal's tail.
func (r reading) load(ctx context.Context) error {
	_, shards := r.dispatcher.Owned() // it has asked the registry
	return r.index.Load(ctx, r.opened.Bus, shards)
}

// follow shows what other processes attempt, too.
func (r reading) follow(ctx context.Context) {
	_, shards := r.dispatcher.Owned()
	_ = r.index.Follow(ctx, sharedJournal{r.opened.Bus, r.opened.Shared}, shards) // nil, once ctx has ended
}

// pending shows what waits since longer ago than the journal's tail reaches, in shards of
// other processes.
func (r reading) pending(ctx context.Context) {
	for told := false; ; told = true {
		err := r.dispatcher.PendingElsewhere(ctx, r.index.Waiting)
		if err == nil || ctx.Err() != nil {
			return
		}
		if !told {
			r.log.Warn("what waits in shards of others is not known yet, trying again", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pendingRetry):
		}
	}
}

// sharedJournal is the journal's side of a shared bus.
type sharedJournal struct {
	bus.Journal
	bus.Shared
}

// observers tells several of what happens to deliveries.
type observers []delivery.Observer

func (os observers) Attempted(a delivery.Attempt) {
	for _, o := range os {
		o.Attempted(a)
	}
}

func (os observers) Waiting(e delivery.Entry) {
	for _, o := range os {
		o.Waiting(e)
	}
}
