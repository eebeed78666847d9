package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// Shares of the publish timeout.
const (
	partSoon     = 12 // most records have been acknowledged by then
	partDeaf     = 3  // for own words to come back; a sender that had no answer tries again later than that
	partAlive    = 5  // between two signs of life of a process that has tries to settle
	partLastWord = 25 // for others to hear of a record in doubt before its sender may try again
)

// A publishing is a publish with a key until it is known what became of it, which may be after
// Publish has returned an error: an acknowledgement that did not come in time says nothing.
// Until then nobody publishes the key again, here or in another process.
//
// A process tells the others of a publish that is not acknowledged soon, in words on the topic
// of markers (word.go), and again what became of it. A key of which there was word is published
// only by whose turn it is (contest.go). So the price is paid where something is wrong; it
// leaves a repeat where a process dies before it could say a word.
type publishing struct {
	s      *Publisher
	flight *flight
	event  *event.Event // while Publish runs
	marker bus.Publication
	o      bus.PublishOptions
	until  time.Time
	try    try
	told   []*bundle // with word of the try
}

// run publishes, or finds that somebody did.
func (p *publishing) run(ctx context.Context) (r bus.Receipt, err error) {
	known := true
	err = errAborted
	defer func() {
		if known {
			p.s.recent.land(p.try.key, p.flight, r, err)
		}
	}()
	if p.s.contests.has(p.try.key) || !p.o.Reserved && p.s.contests.deaf() {
		landed, err := p.contend(ctx)
		if landed || err != nil {
			p.settled(false)
			return bus.Receipt{Repeated: landed}, err
		}
	}
	r, err = p.write(ctx, p.tell)
	if d, ok := errors.AsType[*inDoubt](err); ok {
		known = !p.leave(ctx, d)
	}
	if err != nil && known {
		p.settled(false)
	}
	return r, err
}

// write sends the event. late is told when it is not acknowledged soon.
func (p *publishing) write(ctx context.Context, late func(*Outgoing)) (bus.Receipt, error) {
	to, n, offset, err := p.s.Write(ctx, Writing{Topic: p.marker.Topic, Until: p.until, Fill: p.fill, late: late})
	if err != nil {
		return bus.Receipt{}, fmt.Errorf("publish to %s: %w", p.marker.Topic, err)
	}
	p.settled(true)
	p.mark(ctx, p.until)
	return to.receipt(n, offset), nil
}

func (p *publishing) fill(out *Outgoing) { out.fill(p.event, p.o) }

// mark tells all that an event of intake is durable, or one that is restored.
func (p *publishing) mark(ctx context.Context, until time.Time) {
	if p.o.Mark != "" || !p.o.Reserved && p.o.Key != "" {
		p.s.markers.mark(ctx, p.marker, until)
	}
}

// tell has the others know that the record may land.
func (p *publishing) tell(out *Outgoing) {
	if p.o.Reserved || p.try.flying { // of what does not come from outside, nobody else has a copy
		return
	}
	p.try.flying, p.try.partition, p.try.sum = true, out.partition(), sumOf(&out.Record)
	p.s.contests.said(p.try.tryID)
	p.told = p.s.markers.spread(word{wordFlying, p.try})
}

// settled says what became of the try, if there was word of it.
func (p *publishing) settled(landed bool) {
	p.s.contests.back(p.try.tryID)
	if p.told != nil {
		p.s.settle(&p.try, landed)
	}
}

// settle takes in what became of a try, and tells the others.
func (s *Publisher) settle(t *try, landed bool) {
	kind := wordVoid
	if landed {
		kind = wordLanded
	}
	s.contests.settle(t, landed)
	if !t.flying { // it was said in one place
		s.markers.say(homeOf(t.key, s.markers.partitions()), word{kind, *t})
		return
	}
	s.markers.spread(word{kind, *t})
}

// leave has a record in doubt settled in the background, and returns once others know of it,
// or could not be told in time. It reports false when the store is closed.
func (p *publishing) leave(ctx context.Context, d *inDoubt) bool {
	if d.out != nil {
		p.tell(d.out)
	} else if !p.o.Reserved && !p.try.flying { // it came back soon, as what it was can still be told
		out := p.s.outgoing()
		p.fill(out)
		out.placed.Store(d.partition + 1)
		p.tell(out)
		out.release()
	}
	if !p.s.settling.begin(func() { p.follow(d) }) {
		return false
	}
	p.heard(context.WithoutCancel(ctx))
	return true
}

// heard waits until the others could read the word of the try in one place at least.
func (p *publishing) heard(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.s.o.Timeout/partLastWord)
	defer cancel()
	for _, b := range p.told {
		go func() {
			select {
			case <-b.landed:
				if b.err == nil {
					cancel()
				}
			case <-ctx.Done():
			}
		}()
	}
	if len(p.told) > 0 {
		<-ctx.Done()
	}
}

// follow finds out what became of a record in doubt.
func (p *publishing) follow(d *inDoubt) {
	r, landed, err := p.fate(d)
	if err == nil && !landed {
		err = d.error
	}
	if !errors.Is(err, cluster.ErrClosed) {
		p.settled(landed)
	}
	p.s.recent.land(p.try.key, p.flight, r, err)
	if landed {
		p.mark(context.Background(), p.s.Patience())
	}
}

// fate waits for the client library's last word, and where that leaves a doubt, looks for the
// record. An error is that the store was closed.
func (p *publishing) fate(d *inDoubt) (r bus.Receipt, landed bool, err error) {
	if d.out != nil {
		err := <-d.out.acked
		d.partition = d.out.partition()
		r = d.to.receipt(d.partition, d.out.Record.Offset)
		p.try.partition, p.try.sum = d.partition, sumOf(&d.out.Record)
		d.out.release()
		if err == nil || d.partition < 0 || untaken(err) {
			return r, err == nil, nil
		}
	}
	for pause := findFirst; ; pause = min(2*pause, findMost) {
		r, landed, err := p.s.finder.find(context.Background(), &p.try)
		if err == nil {
			return r, landed, nil
		}
		select {
		case <-time.After(pause):
		case <-p.s.cluster.Done():
			return bus.Receipt{}, false, cluster.ErrClosed
		}
	}
}
