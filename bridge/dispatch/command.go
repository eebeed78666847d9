package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	commandVersion = 1
	commandPoll    = 500 * time.Millisecond
)

// A Command asks the owner of a delivery to do something with it. It is a record of the
// commands' log: durable before it is answered, and acted on once.
type Command struct {
	Version int         `json:"v"`
	Kind    CommandKind `json:"k"`
	// Entry names the delivery. Number is that of its next attempt, so that one which has
	// ended can be taken up again.
	Entry    Entry `json:"e"`
	Revision int64 `json:"rev"` // of the registry, as the author saw it
}

// CommandKind is a closed set.
type CommandKind string

const (
	RetryNow CommandKind = "retry"
	Cancel   CommandKind = "cancel"
)

// Command makes a command durable. The owner acts on it within a moment.
func (d *Dispatcher) Command(ctx context.Context, c Command) error {
	c.Version, c.Revision = commandVersion, d.registry.Set().Revision
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode a command: %w", err)
	}
	chain := bus.NewChain(d.store, bus.LogName{Kind: bus.Commands})
	for {
		err := chain.Read(ctx, func(bus.Record) error { return nil })
		if err == nil {
			_, err = chain.Append(ctx, data)
		}
		switch {
		case err == nil:
			if err := d.store.Sync(ctx); err != nil {
				return fmt.Errorf("sync a command: %w", err)
			}
			d.commanded()
			return nil
		case !errors.Is(err, bus.ErrSuperseded) && !errors.Is(err, bus.ErrTrimmed):
			return fmt.Errorf("write a command: %w", err)
		}
	}
}

func (d *Dispatcher) commanded() {
	select {
	case d.commands <- struct{}{}:
	default:
	}
}

// command follows the commands' log until ctx ends and hands each record to its shard.
func (d *Dispatcher) command(ctx context.Context) {
	chain := bus.NewChain(d.store, bus.LogName{Kind: bus.Commands})
	tick := time.NewTicker(commandPoll)
	defer tick.Stop()
	for {
		err := chain.Read(ctx, func(r bus.Record) error {
			var c Command
			if err := json.Unmarshal(r.Data, &c); err != nil {
				return fmt.Errorf("decode command %d: %w", r.Pos, err)
			}
			if c.Version > commandVersion {
				return fmt.Errorf("command of format %d: %w", c.Version, bus.ErrNewerFormat)
			}
			for _, s := range d.shards() {
				s.act(r.Pos, &c)
			}
			return nil
		})
		if err != nil && !errors.Is(err, bus.ErrTrimmed) && ctx.Err() == nil {
			d.log.Warn("commands not read, trying again", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-d.commands:
		case <-tick.C:
		}
	}
}

// act takes a command in. What it causes begins once the delta that counts it is in the log.
func (s *shard) act(pos int64, c *Command) {
	s.mu.Lock()
	if pos <= s.commands || s.closed {
		s.mu.Unlock()
		return
	}
	s.commands = pos
	var cancelled *delivery
	if l := s.lanes[c.Entry.Endpoint]; l != nil {
		switch c.Kind {
		case RetryNow:
			l.retryNow(c)
		case Cancel:
			cancelled = l.cancel(c)
		}
	}
	s.mu.Unlock()
	if cancelled != nil {
		s.discard(cancelled, Cancelled)
	}
}

// retryNow makes a pending delivery due, or takes one up again that has ended.
func (l *lane) retryNow(c *Command) {
	d := l.shard.known[c.Entry.ID]
	switch {
	case d == nil || d.status == final:
		again := c.Entry
		if d != nil {
			again.Number = max(again.Number, d.Number+1)
			d.Entry, d.status, d.mark = again, waiting, l.shard.journaled
		} else {
			d = &delivery{Entry: again, lane: l, heapIndex: -1, status: waiting, mark: l.shard.journaled}
			l.shard.known[d.ID] = d
		}
		d.saved = false
	case d.status == waiting:
		l.waiting.take(d)
	default: // queued or running: it is tried anyway
		return
	}
	d.Due, d.retry = time.Now(), true
	l.keep(d)
}

// cancel takes a pending delivery out of its lane; the caller records its end.
func (l *lane) cancel(c *Command) *delivery {
	d := l.shard.known[c.Entry.ID]
	if d == nil || d.status != waiting {
		return nil
	}
	l.waiting.take(d)
	d.status = running
	l.running[d] = struct{}{}
	return d
}
