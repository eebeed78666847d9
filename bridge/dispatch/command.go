package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

const (
	commandVersion = 1
	commandPoll    = 500 * time.Millisecond
)

// Command makes a command durable. The owner acts on it within a moment.
func (d *Dispatcher) Command(ctx context.Context, c delivery.Command) error {
	c.Version, c.Revision = commandVersion, d.registry.Set().Revision
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode a command: %w", err)
	}
	chain := bus.NewChain(d.store, bus.LogName{Kind: bus.Commands})
	for {
		err := chain.SkipAll(ctx)
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
		case !errors.Is(err, bus.ErrSuperseded):
			return fmt.Errorf("write a command: %w", err)
		}
	}
}

func (d *Dispatcher) commanded() { signal(d.commands) }

// command follows the commands' log until ctx ends and hands each record to its shard.
func (d *Dispatcher) command(ctx context.Context) {
	log := newCommands(d.store)
	tick := time.NewTicker(commandPoll)
	defer tick.Stop()
	for {
		if err := d.obey(ctx, log); err != nil && ctx.Err() == nil {
			d.trouble.Warn("commands not read, trying again", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-d.commands:
		case <-tick.C:
		}
	}
}

// commands is the commands' log as far as it was read. What some shard may still have to act
// on is kept.
type commands struct {
	chain   *bus.Chain
	kept    []numbered
	adopted int64 // shards that had been taken when the log was begun
}

type numbered struct {
	pos     int64
	command delivery.Command
}

func newCommands(st store) *commands {
	return &commands{chain: bus.NewChain(st, bus.LogName{Kind: bus.Commands})}
}

// obey reads on and lets every shard act on what is new to it.
func (d *Dispatcher) obey(ctx context.Context, log *commands) error {
	shards, adopted := d.shardsTaken() // before the read: then their places lie in what is read
	if adopted != log.adopted {        // one that was taken since may need what went
		*log = *newCommands(d.store)
		log.adopted = adopted
	}
	if err := log.read(ctx); err != nil {
		return err
	}
	acted := log.chain.Last()
	for _, s := range shards {
		s.commandsEnd(log.chain.Last())
		for i := range log.kept {
			if !s.act(log.kept[i].pos, &log.kept[i].command) {
				break
			}
		}
		acted = min(acted, s.durableCommands())
	}
	log.kept = slices.DeleteFunc(log.kept, func(n numbered) bool { return n.pos <= acted })
	return nil
}

func (log *commands) read(ctx context.Context) error {
	return log.chain.ReadAll(ctx, func() { log.kept = nil }, func(r bus.Record) error {
		var c delivery.Command
		if err := json.Unmarshal(r.Data, &c); err != nil {
			return fmt.Errorf("decode command %d: %w", r.Pos, err)
		}
		if c.Version > commandVersion {
			return fmt.Errorf("command of format %d: %w", c.Version, bus.ErrNewerFormat)
		}
		log.kept = append(log.kept, numbered{r.Pos, c})
		return nil
	})
}

// commandsEnd: where the log ends in front of what was acted on, it is another log.
func (s *shard) commandsEnd(end int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if end < s.commands {
		s.commands = bus.NoPosition
	}
}

// act takes a command in. What it causes begins once the delta that counts it is in the log.
// It reports false when the shard must first know as much of the registry as the author did.
func (s *shard) act(pos int64, c *delivery.Command) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pos <= s.commands || s.closed {
		return true
	}
	if c.Revision > s.revision {
		return false
	}
	s.commands = pos
	l := s.lanes[c.Entry.Endpoint]
	if l == nil {
		return true
	}
	switch c.Kind {
	case delivery.RetryNow:
		l.retryNow(c)
	case delivery.Cancel:
		l.cancel(c)
	}
	return true
}

// retryNow makes a pending delivery due, or takes one up again that has ended.
func (l *lane) retryNow(c *delivery.Command) {
	now := time.Now()
	if l.hold.until.After(now) || l.hold.pause > 0 { // who asks for an attempt knows better
		l.hold.lift(now)
		defer l.pump(now)
	}
	d := l.shard.known[c.Entry.ID]
	switch {
	case d == nil:
		d = &pendingDelivery{Entry: c.Entry, lane: l, heapIndex: -1, mark: l.shard.journaled}
		l.shard.known[d.ID] = d
	case d.status == final: // its end is still remembered
		number := max(c.Entry.Number, d.Number+1)
		d.Entry, d.mark = c.Entry, l.shard.journaled
		d.Number = number
		if d.entry != unwritten { // its end took it out of the count
			l.entries++
		}
	case d.status == waiting:
		l.waiting.take(d)
	case d.status == asked:
	default: // queued or running: it is tried anyway
		return
	}
	d.Due, d.status = now, asked
	l.keep(d)
}

// cancel ends a pending delivery without another attempt.
func (l *lane) cancel(c *delivery.Command) {
	d := l.shard.known[c.Entry.ID]
	if d == nil || d.status != waiting && d.status != asked {
		return
	}
	l.waiting.take(d)
	d.status = running
	l.running[d] = struct{}{}
	l.shard.rec.add(outcome{d, d.ended(delivery.EndedCancelled)})
	l.shard.d.metrics.ended(delivery.Discarded)
}
