package bustest

import (
	"context"

	"github.com/hookspan/hookspan/bridge/bus"
)

// apart has the log of a shard of its own in the place of the one that clauses write to: to make
// one bus ready takes longer than they all.
type apart struct {
	bus.Logs
	shard int
}

func (a apart) place(log bus.LogName) bus.LogName {
	if log == state {
		log.Shard = a.shard
	} else if log.Kind == bus.State {
		log.Shard = 0
	}
	return log
}

func (a apart) Append(ctx context.Context, log bus.LogName, r bus.Record) (int64, error) {
	return a.Logs.Append(ctx, a.place(log), r)
}

func (a apart) Read(ctx context.Context, log bus.LogName, from int64, each func(bus.Record) error) error {
	return a.Logs.Read(ctx, a.place(log), from, each)
}

func (a apart) Trim(ctx context.Context, log bus.LogName, below int64) error {
	return a.Logs.Trim(ctx, a.place(log), below)
}
