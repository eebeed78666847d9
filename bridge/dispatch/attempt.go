package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/statelog"
	"github.com/hookspan/hookspan/bridge/tracing"
	"github.com/hookspan/hookspan/bridge/transform"
)

const (
	fetchTimeout = 10 * time.Second
	fetchRetry   = time.Second
)

// An attempt is one request with the events of a group: one, or the members of a batch. What it knows
// of the endpoint is as it was when the attempt began.
type attempt struct {
	shard *shard
	lane  *lane
	ep    *endpoint.Endpoint
	out   *outbound

	replay bool      // it has one of the places that replays may have
	probed time.Time // when the breaker let it through as a probe
}

// A post is what was sent and what came of it.
type post struct {
	sent, ended time.Time
	request     delivery.Headers // "" where they are not kept
	res         delivery.Response
}

// run makes the attempt and records what came of it.
func (a attempt) run(group []*pendingDelivery) {
	s := a.shard
	defer s.attempts.Done()
	ctx, began := s.ctx, group[0].began
	group = a.fetch(ctx, group)
	if len(group) == 0 {
		a.unmade(began)
		return
	}
	if !s.holds() { // to read the event took its time
		a.unmade(began)
		a.interrupted(group)
		return
	}
	made, failed := s.d.transform(ctx, a.lane.turn, a.ep, group[0].event)
	switch {
	case ctx.Err() != nil, !a.ep.Transform.IsZero() && !a.mayStill():
		a.unmade(began)
		a.interrupted(group)
		return
	case failed == nil && made == nil && !a.ep.Transform.IsZero():
		a.unmade(began)
		a.discard(group[0], delivery.EndedFiltered, "the transform yields null")
		return
	}
	p := post{sent: time.Now()}
	span := a.span(group, p.sent, made)
	if failed != nil {
		p.res = delivery.Response{Reason: delivery.ReasonTransform, Detail: failed.Error()}
	} else {
		a.send(ctx, &p, span, group, made)
	}
	p.ended, p.sent = time.Now(), p.sent.Add(p.res.Waited)
	span.Responded(p.res.Status, string(p.res.Reason), p.res.Detail)
	if p.res.Reason == delivery.ReasonStopped {
		a.unanswered()
		a.interrupted(group)
		return
	}
	if p.res.Reason == delivery.ReasonCrowded {
		for _, d := range group {
			a.postpone(d)
		}
		a.unmade(began)
		return
	}
	v := decide(a.ep, group[0].Number, &p.res, p.ended, rand.Float64())
	v.Sign = sign{healthOf(a.ep, &v, &p.res), group[0].Number == 1, p.sent, a.probed}
	s.d.metrics.attempt(a.ep.Name, &p.res, p.ended.Sub(p.sent), traceparent(span, group[0].event))
	a.answered(&v, p.sent, p.ended)
	if v.Outcome == delivery.Failed && !a.publishDeadLetters(ctx, group, v.Ended) {
		a.interrupted(group)
		return
	}
	a.record(group, &p, v)
}

// mayStill asks again, after what took its time, what was asked when the attempt began.
func (a attempt) mayStill() bool {
	s, l := a.shard, a.lane
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holds() && !l.blocked() && (l.breaker.closed() || !a.probed.IsZero())
}

// send makes the request and sends it.
func (a attempt) send(ctx context.Context, p *post, span tracing.Span, group []*pendingDelivery, made *transform.Request) {
	req, err := a.out.shaped(group, made, p.sent)
	if err != nil {
		p.res = delivery.Response{Reason: reasonOf(err), Detail: err.Error()}
		return
	}
	span.Pass(req.Header)
	req.Again = a.lane.reserve
	req.Whole = a.whole(p.sent)
	p.res = a.shard.d.sender.Send(ctx, req)
	p.request = a.out.hiding.exchange(&req, &p.res)
	release(&req)
}

// fetch reads the events that are not in memory. Deliveries whose event is certainly gone
// are discarded; those whose event cannot be read now wait a moment. The rest is returned.
func (a attempt) fetch(ctx context.Context, group []*pendingDelivery) []*pendingDelivery {
	s := a.shard
	if !slices.ContainsFunc(group, func(d *pendingDelivery) bool { return d.event == nil }) {
		return group
	}
	left := group[:0:0]
	for _, d := range group {
		if d.event != nil {
			left = append(left, d)
			continue
		}
		m, err := a.event(ctx, d)
		switch {
		case err == nil:
			if why := a.late(d, delivery.LifeOf(&m, a.ep.MaxAge), time.Now()); why != "" {
				a.discard(d, delivery.EndedExpired, why)
				continue
			}
			d.event = m.Event
			left = append(left, d)
		case errors.Is(err, bus.ErrGone):
			a.discard(d, delivery.EndedExpired, "the event is not stored any more")
		default:
			if ctx.Err() == nil {
				s.d.trouble.Warn("event not read, trying again", err, slog.String("delivery", d.ID))
			}
			a.postpone(d)
		}
	}
	return left
}

func (a attempt) event(ctx context.Context, d *pendingDelivery) (bus.Message, error) {
	s := a.shard
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	m, err := s.d.store.Get(ctx, d.Event.Partition, d.Event.Position)
	if err == nil && !m.Event.HasID(d.Event.ID) {
		return m, bus.ErrGone // another event is at its place
	}
	if err == nil && d.Replay != "" && m.Topic == s.d.conf.DeadTopic && d.Event.Topic != m.Topic {
		m.Event = delivery.Restored(m.Event) // a dead letter is replayed, not delivered
	}
	return m, err
}

// postpone puts back a delivery of which no attempt was made.
func (a attempt) postpone(d *pendingDelivery) {
	s, l := a.shard, a.lane
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(l.running, d)
	if l.closed {
		s.withdrawn(d)
		return
	}
	d.draft().Due = time.Now().Add(fetchRetry)
	l.keep(d)
	l.wait(d)
}

// interrupted puts back deliveries whose attempt was cut off by a stop: it does not count.
func (a attempt) interrupted(group []*pendingDelivery) {
	s, l := a.shard, a.lane
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range group {
		delete(l.running, d)
		l.keep(d)
		l.wait(d)
	}
}

// discard ends a delivery without an attempt.
func (a attempt) discard(d *pendingDelivery, why delivery.Ended, detail string) {
	s := a.shard
	if !s.d.conf.tells(d) {
		a.report(opsDelivery(why, d.lane.ep, d))
	}
	s.rec.add(outcome{d, d.ended(why, detail)})
	s.d.metrics.ended(delivery.Discarded, why, 1)
}

// withdrawn ends a delivery whose endpoint is gone.
func (s *shard) withdrawn(d *pendingDelivery) {
	s.rec.add(outcome{nil, d.ended(delivery.EndedCancelled, "its endpoint was deleted")})
	s.d.metrics.ended(delivery.Discarded, delivery.EndedCancelled, 1)
}

// ended is the record of a delivery that ends without an attempt.
func (d *pendingDelivery) ended(why delivery.Ended, detail string) delivery.Attempt {
	return delivery.Attempt{
		Delivery: d.ID, Endpoint: d.Endpoint, Event: d.Event, Batch: d.Batch, Number: d.Number,
		Received: time.Now(), Outcome: delivery.Discarded, Ended: why, Detail: detail, Replay: d.Replay,
	}
}

// unanswered frees the place in the lane of an attempt of which nothing came.
func (a attempt) unanswered() {
	s, l := a.shard, a.lane
	s.mu.Lock()
	defer s.mu.Unlock()
	l.freed(a.replay)
	l.breaker = l.breaker.unanswered(a.probed)
	l.pump(time.Now())
}

// unmade is unanswered of an attempt that sent nothing: it counts for no quota.
func (a attempt) unmade(began time.Time) {
	a.shard.mu.Lock()
	a.lane.quota.giveBack(began)
	a.shard.mu.Unlock()
	a.unanswered()
}

// answered frees the attempt's place in the lane and takes in what the endpoint said about
// itself: hold, failing, gone. What was said at another address does not bind this one.
func (a attempt) answered(v *verdict, sent, ended time.Time) {
	s, l, ep := a.shard, a.lane, a.ep
	s.mu.Lock()
	defer s.mu.Unlock()
	l.freed(a.replay)
	defer l.pump(ended)
	if ep.URL != l.ep.URL {
		return
	}
	l.hold.heed(v, sent, ended)
	l.assess(v, ended)
	disable := ""
	switch {
	case v.Outcome == delivery.Delivered:
		l.failing = time.Time{}
		a.recovered(ended)
	case v.Elsewhere:
	case l.failing.IsZero():
		l.failing = ended
	case ep.DisableAfter > 0 && ended.Sub(l.failing) >= ep.DisableAfter:
		disable = "nothing but failure for " + ep.DisableAfter.String()
	}
	if v.Disable {
		disable = "the endpoint answered 410 Gone"
	}
	if disable != "" && !l.closed && l.disabled <= l.ep.Revision && l.ep.State != endpoint.Disabled {
		l.disabled = math.MaxInt64 // until the registry says so
		s.d.background.Go(func() { a.disable(disable) })
	}
}

// publishDeadLetters makes the dead letters of deliveries that ended without success durable. It reports
// false only when the process stops before it could. An event that tells of another delivery
// makes none.
func (a attempt) publishDeadLetters(ctx context.Context, group []*pendingDelivery, why delivery.Ended) bool {
	for _, d := range group {
		if a.shard.d.conf.tells(d) {
			continue
		}
		if !a.publishDeadLetter(ctx, d, why) {
			return false
		}
		a.report(opsDelivery(why, a.ep, d))
	}
	return true
}

func (a attempt) publishDeadLetter(ctx context.Context, d *pendingDelivery, why delivery.Ended) bool {
	s := a.shard
	letter := aside.Letter{
		Topic: s.d.conf.DeadTopic, Event: deadLetter(a.ep, d, why), Key: "dead " + d.ID,
		Place: aside.PlaceOf(d.Event.Partition, d.Event.Position),
	}
	for {
		cut, err := aside.Put(ctx, s.d.store, letter)
		switch {
		case cut && err == nil:
			s.d.log.Warn("the event is too large for a dead letter, which is cut short", slog.String("delivery", d.ID), slog.String("place", letter.Place))
			return true
		case err == nil:
			return true
		case errors.Is(err, bus.ErrTooLarge): // the journal names the event
			s.d.log.Error("no dead letter, the bus does not take the shortest", slog.String("delivery", d.ID), slog.String("place", letter.Place), slog.Any("error", err))
			return true
		case ctx.Err() == nil:
			s.d.trouble.Warn("dead letter not published, trying again", err, slog.String("delivery", d.ID))
		}
		if !pause(ctx, fetchRetry) {
			return false
		}
	}
}

// record journals the attempt for each delivery of the group, and logs it once.
func (a attempt) record(group []*pendingDelivery, p *post, v verdict) {
	s, ep, res := a.shard, a.ep, &p.res
	var space [1]outcome // is enough for most, and the recorder copies it
	outcomes := space[:]
	if len(group) > 1 {
		outcomes = make([]outcome, len(group))
	}
	most := failureBytes
	if res.Reason == "" {
		most = successBytes
	}
	text, binary := recorded(res, most)
	var wait time.Duration
	if !v.Next.IsZero() {
		wait, _ = ep.Schedule.Wait(group[0].Number)
	}
	for i, d := range group {
		ref := d.Event
		if !d.own {
			ref = ref.Compact()
		}
		outcomes[i] = outcome{d, delivery.Attempt{
			Delivery: d.ID, Endpoint: d.Endpoint, Event: ref, Batch: d.Batch, Number: d.Number,
			Sent: p.sent, Received: p.ended, Status: res.Status, Reason: res.Reason, Detail: res.Detail,
			Response: text, Binary: binary, Outcome: v.Outcome, Ended: v.Ended, Next: v.Next, Wait: delivery.MicrosOf(wait), Hold: v.Hold,
			Address: res.Address, Phases: res.Phases, Replay: d.Replay,
		}}
		if !v.Hold.IsZero() {
			outcomes[i].attempt.HoldAt = statelog.HashOf(ep.URL)
		}
		if v.Outcome != "" {
			s.d.metrics.ended(v.Outcome, v.Ended, 1)
		} else {
			outcomes[i].attempt.Life = d.Life
			outcomes[i].attempt.Key = d.Key
		}
	}
	first := &outcomes[0].attempt // of a batch: its members had one request
	first.Request, first.Headers = p.request, res.Headers.Cut(most)
	s.d.logAttempt(ep, group[0], res, v, p.ended.Sub(p.sent), len(group))
	s.rec.add(outcomes...) // from here on the deliveries are the recorder's
}
