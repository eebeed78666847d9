package app

import (
	"context"

	"github.com/hookspan/hookspan/bridge/dispatch"
)

// observer is whoever hears of deliveries: the index, and what the caller brought.
func (a *App) observer() dispatch.Observer {
	if a.Observer == nil {
		return a.index
	}
	return observers{a.index, a.Observer}
}

// recall reads what was attempted before the start from the journal's tail.
func (a *App) recall(ctx context.Context) error { return a.index.Load(ctx, a.Bus, Shards) }

// observers tells several of what happens to deliveries.
type observers []dispatch.Observer

func (os observers) Attempted(a dispatch.Attempt) {
	for _, o := range os {
		o.Attempted(a)
	}
}

func (os observers) Waiting(e dispatch.Entry) {
	for _, o := range os {
		o.Waiting(e)
	}
}
