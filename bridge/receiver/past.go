package receiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A SharedHistory tells what every process that uses the bus publishes, while it does.
// bus.Shared is one.
type SharedHistory interface {
	// FollowPublished tells of every event that intake publishes, whichever process wrote it,
	// beginning with those stored at since or later, until ctx ends.
	FollowPublished(ctx context.Context, since time.Time, each func(bus.Publication) error) error
}

const (
	// followOverlap is read again wherever following begins: clocks differ, and of several
	// partitions one may be behind the others.
	followOverlap = 5 * time.Minute
	followRetry   = 100 * time.Millisecond // at first; twice as long after each failure
	followMost    = 30 * time.Second
)

// A past is what intake has published, here and in every other process, as far as the window has
// to know it.
type past struct {
	history bus.History   // nil: nothing from before the start is recognised as repeated
	reading bus.Reading   // of the history, once it began
	shared  SharedHistory // nil: no other process publishes
	window  *window
	bases   func(topic string) []string // the topics that an event there may have been written for
	log     *slog.Logger

	readFrom  time.Time   // when the call began that came to the history's end; settled before following begins
	following atomic.Bool // what other processes publish is taken in
}

// read remembers what was published before. After an error it goes on where it was.
func (p *past) read(ctx context.Context) error {
	if p.history == nil {
		return nil
	}
	if p.reading == nil {
		p.reading = p.history.Published(time.Now().Add(-time.Duration(p.window.keep.Load()) * time.Hour))
	}
	if err := p.reading(ctx, p.recall); err != nil {
		return fmt.Errorf("reading the ids that were published before: %w", err)
	}
	return nil
}

// follow remembers what every process publishes, so that a repeat is recognised wherever it
// arrives. While the bus does not tell, repeats of other processes' events may pass: each break
// is logged once, shown by the metric, and made up for afterwards.
func (p *past) follow(ctx context.Context, ready <-chan struct{}) {
	select {
	case <-ready:
	case <-ctx.Done():
		return
	}
	newest, wait, broken := p.readFrom, followRetry, false
	for {
		began := time.Now()
		err := p.followFrom(ctx, newest.Add(-followOverlap), func(at time.Time) {
			if broken {
				broken = false
				p.log.Info("what other processes publish is followed again")
			}
			if at.After(newest) && at.Before(time.Now()) {
				newest = at
			}
		})
		if ctx.Err() != nil {
			return
		}
		if !broken {
			broken = true
			p.log.Warn("what other processes publish is not followed, their repeats may pass; trying again", slog.Any("error", err))
		}
		if time.Since(began) > followMost {
			wait = followRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			wait = min(2*wait, followMost)
		}
	}
}

// followFrom follows from a time until the bus stops telling, and calls progress with the time
// of each event.
func (p *past) followFrom(ctx context.Context, since time.Time, progress func(at time.Time)) error {
	p.following.Store(true)
	defer p.following.Store(false)
	err := p.shared.FollowPublished(ctx, since, func(one bus.Publication) error {
		progress(one.At)
		return p.recall(one)
	})
	if err == nil {
		err = errors.New("the bus ended the report")
	}
	return err
}

// recall remembers one event of the history by what its mark says. One without a mark, which
// came before there were any, is known by its id, unless it lies on a topic that no source
// writes to. A time that has not come, by a clock that is wrong, must not make the window forget
// all that is older.
func (p *past) recall(one bus.Publication) error {
	m, _ := readMark(one.Mark)
	at := one.At
	if m.at != 0 { // a restore is no second arrival
		at = time.Unix(m.at, 0)
	}
	if now := time.Now(); at.After(now) {
		at = now
	}
	for _, f := range m.prints {
		p.window.remember(f, m.body, at)
	}
	if len(m.prints) > 0 {
		return nil
	}
	for _, base := range p.bases(one.Topic) {
		p.window.remember(identify(base, one.Source, one.ID), m.body, at)
	}
	return nil
}
