package statelog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// resetTries is how often a shard is claimed while others do the same.
const resetTries = 5

// Examine reads every shard's state log as a takeover would, and changes nothing. There
// is one finding for all that can be read, and one for each that cannot.
func Examine(ctx context.Context, logs bus.Logs, count int) []bus.Finding {
	var bad []bus.Finding
	read, entries := 0, 0
	for shard := range count {
		n, err := examineShard(ctx, logs, shard)
		if err == nil {
			read, entries = read+1, entries+n
			continue
		}
		f := bus.Finding{Subject: fmt.Sprintf("shard %d", shard), Verdict: bus.Fault, Detail: err.Error(), Remedy: "see whether the bus answers, then examine it again"}
		switch {
		case errors.Is(err, ErrDamaged):
			f.Detail = ErrDamaged.Error()
			f.Remedy = fmt.Sprintf("hookspan doctor reset-shard %d --since TIME", shard)
		case errors.Is(err, bus.ErrNewerFormat):
			f.Remedy = "run the version that wrote it, or a later one"
		}
		bad = append(bad, f)
	}
	whole := bus.Finding{
		Subject: "state logs", Verdict: bus.Fine,
		Detail: fmt.Sprintf("%d of %d shards can be read, %d deliveries wait in them", read, count, entries),
	}
	return append([]bus.Finding{whole}, bad...)
}

// Damaged reports whether nobody can own the shard before it was reset.
func Damaged(ctx context.Context, logs bus.Logs, shard int) (bool, error) {
	_, err := examineShard(ctx, logs, shard)
	if errors.Is(err, ErrDamaged) {
		return true, nil
	}
	return false, err
}

// examineShard counts the entries of a shard.
func examineShard(ctx context.Context, logs bus.Logs, shard int) (entries int, err error) {
	chain := bus.NewChain(logs, bus.LogName{Kind: bus.State, Shard: shard})
	rd := NewReader()
	if err := chain.ReadAll(ctx, rd.reset, rd.Add); err != nil {
		return 0, err
	}
	s, err := rd.State()
	return len(s.Entries), err
}

// Reset begins a shard's state log again, before the first event stored at since or
// later: what its endpoints were owed from before that is forgotten, and what the journal
// shows as done is not sent again. revision is that of the registry, read to its end. An
// owner that runs meanwhile is superseded and takes the shard up anew.
func Reset(ctx context.Context, st bus.Store, shard int, revision int64, since time.Time) error {
	r := Record{Version: Version, Kind: Begin, Positions: bus.Positions{}, Revision: revision, Journal: bus.NoPosition}
	spans, err := st.Spans(ctx)
	if err != nil {
		return fmt.Errorf("list the followed partitions: %w", err)
	}
	for _, span := range spans {
		if span.Away {
			return fmt.Errorf("find %s in %s: %w", since.Format(time.RFC3339), span.Partition, bus.ErrAway)
		}
		at, err := st.Before(ctx, span.Partition, since)
		if err != nil {
			return fmt.Errorf("find %s in %s: %w", since.Format(time.RFC3339), span.Partition, err)
		}
		r.Positions[span.Partition] = at
	}
	if r.Commands, err = lastCommand(ctx, st); err != nil {
		return err
	}
	for n := 1; ; n++ {
		err := restart(ctx, st, shard, &r)
		if !errors.Is(err, bus.ErrSuperseded) || n == resetTries {
			return err
		}
	}
}

// lastCommand is the place after which commands count for a shard that begins now.
func lastCommand(ctx context.Context, logs bus.Logs) (int64, error) {
	chain := bus.NewChain(logs, bus.LogName{Kind: bus.Commands})
	if err := chain.SkipAll(ctx); err != nil {
		return bus.NoPosition, err
	}
	return chain.Last(), nil
}

// restart writes a snapshot of nothing but places, and removes what lies before it: no
// reader needs it, and it may be what could not be read.
func restart(ctx context.Context, st bus.Store, shard int, begin *Record) error {
	log := New(st, shard, nil, Sizes{})
	log.chain = bus.NewChain(st, bus.LogName{Kind: bus.State, Shard: shard})
	if err := log.chain.SkipAll(ctx); err != nil {
		return err
	}
	if err := log.Claim(ctx); err != nil {
		return fmt.Errorf("claim shard %d: %w", shard, err)
	}
	if err := log.append(ctx, begin); err != nil {
		return fmt.Errorf("begin shard %d: %w", shard, err)
	}
	front := log.chain.Last()
	if err := log.append(ctx, &Record{Kind: End, Begin: front}); err != nil {
		return fmt.Errorf("begin shard %d: %w", shard, err)
	}
	if err := st.Sync(ctx); err != nil {
		return fmt.Errorf("sync shard %d: %w", shard, err)
	}
	return log.chain.Trim(ctx, front)
}
