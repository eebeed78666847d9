package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/statelog"
)

const (
	commandPoll = 500 * time.Millisecond

	trimEvery       = 2 * time.Second
	trimEveryShared = 5 * time.Minute
)

// commands are the requests of operators: a log that any process writes and every owner reads.
type commands struct {
	d     *Dispatcher
	woken chan struct{} // one slot: wake sends, run receives

	// Of keepShort alone.
	trimmed   int64
	trimmedAt time.Time
}

func newCommands(d *Dispatcher) *commands {
	return &commands{d: d, woken: make(chan struct{}, 1), trimmed: bus.NoPosition}
}

func (cs *commands) wake() { signal(cs.woken) }

// write makes a command durable. One about many deliveries is several records: after an error
// some of them may be.
func (cs *commands) write(ctx context.Context, c delivery.Command) error {
	c.Revision = cs.d.registry.Set().Revision
	chain := bus.NewChain(cs.d.store, bus.LogName{Kind: bus.Commands})
	for _, part := range c.Split() {
		if err := appendPart(ctx, chain, part); err != nil {
			return fmt.Errorf("write a command: %w", err)
		}
	}
	if err := cs.d.store.Sync(ctx); err != nil {
		return fmt.Errorf("sync a command: %w", err)
	}
	cs.wake()
	return nil
}

// appendPart appends a command, in halves where the bus does not take it whole.
func appendPart(ctx context.Context, chain *bus.Chain, c delivery.Command) error {
	data, err := c.Encode()
	if err != nil {
		return err
	}
	err = appendCommand(ctx, chain, data)
	n := len(c.Entries)
	if n < 2 || !errors.Is(err, bus.ErrTooLarge) {
		return err
	}
	first, second := c, c
	first.Entries, second.Entries = c.Entries[:n/2], c.Entries[n/2:]
	if err := appendPart(ctx, chain, first); err != nil {
		return err
	}
	return appendPart(ctx, chain, second)
}

// appendCommand appends a record behind whatever others write.
func appendCommand(ctx context.Context, chain *bus.Chain, data []byte) error {
	for {
		err := chain.SkipAll(ctx)
		if err == nil {
			_, err = chain.Append(ctx, data)
		}
		if !errors.Is(err, bus.ErrSuperseded) {
			return err
		}
	}
}

// run follows the log until ctx ends and hands each record to its shard.
func (cs *commands) run(ctx context.Context) {
	log := newCommandLog(cs.d.store)
	tick := time.NewTicker(commandPoll)
	defer tick.Stop()
	for {
		if err := cs.obey(ctx, log); err != nil && ctx.Err() == nil {
			cs.d.trouble.Warn("commands not read, trying again", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-cs.woken:
		case <-tick.C:
		}
	}
}

// A commandLog is the commands' log as far as it was read. What some shard may still have to act
// on is kept.
type commandLog struct {
	chain *bus.Chain
	kept  []numbered
	taken int64 // shards that had been taken when the log was begun
}

type numbered struct {
	pos     int64
	command delivery.Command
}

func newCommandLog(st store) *commandLog {
	return &commandLog{chain: bus.NewChain(st, bus.LogName{Kind: bus.Commands})}
}

// obey reads on and lets every shard act on what is new to it.
func (cs *commands) obey(ctx context.Context, log *commandLog) error {
	shards, taken := cs.d.owned.allTaken() // before the read: then their places lie in what is read
	if taken != log.taken {                // one that was taken since may need what went
		*log = *newCommandLog(cs.d.store)
		log.taken = taken
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

func (log *commandLog) read(ctx context.Context) error {
	return log.chain.ReadAll(ctx, func() { log.kept = nil }, func(r bus.Record) error {
		c, err := delivery.DecodeCommand(r.Data)
		if err != nil {
			return fmt.Errorf("record %d: %w", r.Pos, err)
		}
		log.kept = append(log.kept, numbered{r.Pos, c})
		return nil
	})
}

// keepShort trims the log, now and then, until ctx ends.
func (cs *commands) keepShort(ctx context.Context) {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			cs.trim(ctx)
		}
	}
}

// trim removes the commands that every shard has acted on, but for the last one. The owner of the
// first shard does it. To look into the logs of shards that other processes own is dear, so that
// is done seldom.
func (cs *commands) trim(ctx context.Context) {
	alone := len(cs.d.owned.all()) == cs.d.owned.total()
	if cs.d.owned.shard(0) == nil || !alone && time.Since(cs.trimmedAt) < trimEveryShared {
		return
	}
	cs.trimmedAt = time.Now()
	acted, err := cs.acted(ctx)
	if err == nil && acted > cs.trimmed {
		if err = cs.d.store.Trim(ctx, bus.LogName{Kind: bus.Commands}, acted); err == nil {
			cs.trimmed = acted
		}
	}
	if err != nil && !errors.Is(err, statelog.ErrDamaged) && ctx.Err() == nil {
		cs.d.trouble.Warn("commands not trimmed, trying again", err)
	}
}

// acted is the last command that every shard has acted on.
func (cs *commands) acted(ctx context.Context) (int64, error) {
	acted := int64(math.MaxInt64)
	for id := range cs.d.owned.total() {
		if s := cs.d.owned.shard(id); s != nil {
			acted = min(acted, s.durableCommands())
			continue
		}
		if err := cs.d.others.At(ctx, id, func(st *statelog.State) { acted = min(acted, st.Commands) }); err != nil {
			return bus.NoPosition, err
		}
	}
	return acted, nil
}
