package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// A SharedJournal is one that several processes write and each can follow. A store that
// implements bus.Journal and bus.Shared is one.
type SharedJournal interface {
	bus.Journal
	// FollowJournal hands over the entries of every shard's journal behind the position given
	// for it, in the order of each shard, as they come, until ctx ends.
	FollowJournal(ctx context.Context, from []int64, each func(shard int, pos int64, data []byte) error) error
}

const (
	followRetry = 100 * time.Millisecond // at first; twice as long after each failure
	followMost  = 30 * time.Second
)

// Follow takes in what any process records from where Load has read to, or from the tail as
// Load reads it, until ctx ends; then it returns nil. While the bus does not tell, the index
// is behind, which is logged once, and then goes on where it was.
func (ix *Index) Follow(ctx context.Context, j SharedJournal, shards int) error {
	wait, broken := followRetry, false
	for {
		began := time.Now()
		err := ix.followOn(ctx, j, shards, func() {
			if broken {
				broken = false
				ix.o.Log.Info("journal is followed again")
			}
		})
		if ctx.Err() != nil {
			return nil
		}
		if !broken {
			broken = true
			ix.o.Log.Warn("journal is not followed, what is shown of deliveries is behind; trying again", slog.Any("error", err))
		}
		if time.Since(began) > followMost {
			wait = followRetry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
			wait = min(2*wait, followMost)
		}
	}
}

// followOn follows until the bus stops telling; progress is called with each entry.
func (ix *Index) followOn(ctx context.Context, j SharedJournal, shards int, progress func()) error {
	var err error
	if len(ix.places) != shards {
		err = ix.Load(ctx, j, shards)
	} else {
		err = ix.holdAgainst(ctx, j)
	}
	if err != nil {
		return err
	}
	err = j.FollowJournal(ctx, slices.Clone(ix.places), func(shard int, pos int64, data []byte) error {
		progress()
		if shard >= 0 && shard < len(ix.places) {
			ix.takeEntry(shard, pos, data) // one that comes again changes nothing
			ix.places[shard] = pos
		}
		return nil
	})
	if err == nil {
		err = errors.New("the bus ended the report")
	}
	return err
}

// holdAgainst compares the places with the journals: one that ends in front of its place was
// made anew and is read from its first entry.
func (ix *Index) holdAgainst(ctx context.Context, j bus.Journal) error {
	for shard, at := range ix.places {
		_, last, err := j.JournalSpan(ctx, shard)
		if err != nil {
			return fmt.Errorf("find the end of the journal of shard %d: %w", shard, err)
		}
		if last < at {
			ix.places[shard] = bus.NoPosition
		}
	}
	return nil
}

// takeEntry takes in one entry. One that this version cannot read, as a newer one may write
// while replicas are updated one by one, is left out: nothing is delivered by the index.
func (ix *Index) takeEntry(shard int, pos int64, data []byte) {
	var records []delivery.Attempt
	err := delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
		records = append(records, a)
		return nil
	})
	if err != nil && !ix.skipped {
		ix.skipped = true
		ix.o.Log.Error("part of the journal cannot be read, what is shown of deliveries lacks it",
			slog.Int("shard", shard), slog.Int64("position", pos), slog.Any("error", err))
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for i := range records {
		ix.take(&records[i])
	}
	_ = delivery.DecodeNotes(data, ix.note) // what cannot be read says nothing
	_ = delivery.DecodePresences(data, ix.presence)
}
