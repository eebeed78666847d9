package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// newTry begins one that nobody has heard of.
func (s *Publisher) newTry(key, topic string) try {
	return try{
		tryID: tryID{s.process, s.tries.Add(1)},
		key:   key, topic: topic, began: time.Now(), partition: -1,
	}
}

// contend waits until the key is this process's to publish, and reports true when it was
// published meanwhile. Claims are put in order by the partition that holds them, the same one
// for all claims of a key.
func (p *publishing) contend(ctx context.Context) (landed bool, err error) {
	home := homeOf(p.try.key, p.s.markers.partitions())
	out := p.s.outgoing()
	p.fill(out)
	p.try.sum = sumOf(&out.Record)
	out.release()
	if !p.s.settling.enter() {
		return false, cluster.ErrClosed
	}
	defer p.s.settling.exit()
	p.told = []*bundle{p.s.markers.say(home, word{wordClaim, p.try})}
	timer := time.NewTimer(time.Until(p.until))
	defer timer.Stop()
	again := time.NewTicker(p.s.o.Timeout / partAlive)
	defer again.Stop()
	for {
		st := p.s.contests.standing(&p.try, home)
		if st.landed || st.turn {
			return st.landed, nil
		}
		if err := p.bury(ctx, st.silent); err != nil {
			return false, err
		}
		select {
		case <-st.news:
		case <-again.C: // silence brings no news
		case <-timer.C:
			return false, errUnsettled
		case <-ctx.Done():
			return false, fmt.Errorf("%w: %w", errUnsettled, context.Cause(ctx))
		}
	}
}

// bury settles the tries of processes that are silent. Where a record cannot be looked for
// now, it is tried again.
func (p *publishing) bury(ctx context.Context, silent []*try) error {
	for _, t := range silent {
		_, landed, err := p.s.finder.find(ctx, t)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("%w: %w", errUnsettled, context.Cause(ctx))
		case errors.Is(err, cluster.ErrClosed):
			return err
		case err != nil:
			continue
		}
		p.s.o.Log.Info("settled what another process left in doubt", "topic", t.topic, "landed", landed)
		p.s.settle(t, landed)
		if landed {
			p.mark(ctx, p.until)
		}
	}
	return nil
}
