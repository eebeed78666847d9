package app

import (
	"context"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

const (
	presentAgain = 2 * time.Minute              // between two notes of the same replica
	presentFor   = 2*presentAgain + time.Minute // how long the last one counts
	presentWrite = 5 * time.Second              // how long a note may take
	presentLeave = 500 * time.Millisecond       // the last one, which a stop waits for
)

// A presence is what replicas tell each other of themselves.
type presence struct{ app *App }

// run tells the others that this replica is there, and with which seal keys: at once, again and
// again, after each change, and that it has left at last. A note that the bus does not take is left
// out: nothing that is delivered depends on it.
func (p presence) run(ctx context.Context) {
	for {
		p.tell(ctx, delivery.Presence{Keys: p.app.Keys().Sealer.IDs()}, presentWrite)
		select {
		case <-p.app.keyring.changed:
		case <-time.After(presentAgain):
		case <-ctx.Done():
			p.tell(context.WithoutCancel(ctx), delivery.Presence{Left: true}, presentLeave)
			return
		}
	}
}

func (p presence) tell(ctx context.Context, note delivery.Presence, within time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	note.Replica, note.At = p.name(), time.Now().UTC().Truncate(time.Millisecond)
	_, shards := p.app.dispatcher.Owned()
	data := delivery.AppendPresence(delivery.NewBatch(0), note)
	if _, err := p.app.opened.Load().Bus.AppendJournal(ctx, delivery.ShardOf(note.Replica, shards), data); err != nil {
		p.app.Log.Debug("other replicas were not told of this one", slog.Any("error", err))
	}
}

// others are the replicas that were heard of lately, without this one.
func (p presence) others() (all []delivery.Presence) {
	for _, one := range p.app.index.Present(time.Now().Add(-presentFor)) {
		if one.Replica != p.name() {
			all = append(all, one)
		}
	}
	return all
}

// name is this process's as no other is named at the same time, and alike after a restart.
func (p presence) name() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(p.app.AdminAddr()) // it has one
	return net.JoinHostPort(host, port)
}
