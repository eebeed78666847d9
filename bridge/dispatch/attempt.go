package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

const (
	fetchTimeout  = 10 * time.Second
	fetchRetry    = time.Second
	responseBytes = 1024 // of a response that the journal keeps
)

// attempt makes one POST with the events of group (one, or the members of a batch) and
// records what came of it. It is the only place that leaves a lane's lock behind.
func (s *shard) attempt(l *lane, ep *endpoint.Endpoint, out *outbound, group []*pendingDelivery) {
	defer s.attempts.Done()
	ctx := s.ctx
	group = s.fetch(ctx, l, group)
	if len(group) == 0 {
		s.unanswered(l)
		return
	}
	if !s.holds() { // to read the event took its time
		s.unanswered(l)
		s.interrupted(l, group)
		return
	}
	sent := time.Now()
	req, err := out.request(group, sent)
	var res delivery.Response
	if err != nil {
		res = delivery.Response{Reason: delivery.ReasonProtocol, Detail: err.Error()}
	} else {
		req.Again = l.reserve
		res = s.d.sender.Send(ctx, req)
	}
	ended := time.Now()
	if res.Reason == delivery.ReasonStopped {
		s.unanswered(l)
		s.interrupted(l, group)
		return
	}
	v := decide(ep, group[0].Number, &res, ended, rand.Float64())
	s.d.metrics.attempt(ep.Name, &res, ended.Sub(sent))
	s.answered(l, ep, &v, sent, ended)
	if v.Outcome == delivery.Failed && !s.bury(ctx, ep, group, v.Ended) {
		s.interrupted(l, group)
		return
	}
	s.record(ep, group, sent, ended, &res, v)
}

// fetch reads the events that are not in memory. Deliveries whose event is certainly gone
// are discarded; those whose event cannot be read now wait a moment. The rest is returned.
func (s *shard) fetch(ctx context.Context, l *lane, group []*pendingDelivery) []*pendingDelivery {
	left := group[:0:0]
	for _, d := range group {
		if d.event != nil {
			left = append(left, d)
			continue
		}
		m, err := s.event(ctx, d)
		switch {
		case err == nil:
			d.event = m.Event
			left = append(left, d)
		case errors.Is(err, bus.ErrGone):
			s.discard(d, delivery.EndedExpired)
		default:
			if ctx.Err() == nil {
				s.d.trouble.Warn("event not read, trying again", err, slog.String("delivery", d.ID))
			}
			s.postpone(l, d)
		}
	}
	return left
}

func (s *shard) event(ctx context.Context, d *pendingDelivery) (bus.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	m, err := s.d.store.Get(ctx, d.Event.Partition, d.Event.Position)
	if err == nil && m.Event.ID != d.Event.ID {
		return m, bus.ErrGone // another event is at its place
	}
	return m, err
}

// postpone puts back a delivery of which no attempt was made.
func (s *shard) postpone(l *lane, d *pendingDelivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(l.running, d)
	if l.closed {
		s.rec.add(outcome{nil, d.ended(delivery.EndedCancelled)})
		return
	}
	d.Due = time.Now().Add(fetchRetry)
	l.keep(d)
	l.waiting.wait(d)
}

// interrupted puts back deliveries whose attempt was cut off by a stop: it does not count.
func (s *shard) interrupted(l *lane, group []*pendingDelivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range group {
		delete(l.running, d)
		l.keep(d)
		l.waiting.wait(d)
	}
}

// discard ends a delivery without an attempt.
func (s *shard) discard(d *pendingDelivery, why delivery.Ended) {
	if !s.d.tells(d) {
		s.d.ops(opsDelivery(why, d.lane.ep, d))
	}
	s.rec.add(outcome{d, d.ended(why)})
	s.d.metrics.ended(delivery.Discarded)
}

// ended is the record of a delivery that ends without an attempt.
func (d *pendingDelivery) ended(why delivery.Ended) delivery.Attempt {
	return delivery.Attempt{
		Delivery: d.ID, Endpoint: d.Endpoint, Event: d.Event, Batch: d.Batch, Number: d.Number,
		Received: time.Now(), Outcome: delivery.Discarded, Ended: why,
	}
}

// unanswered frees the place in the lane of an attempt of which nothing came.
func (s *shard) unanswered(l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.posts--
	l.pump(time.Now())
}

// answered frees the attempt's place in the lane and takes in what the endpoint said about
// itself: hold, failing, gone. What was said at another address does not bind this one.
func (s *shard) answered(l *lane, ep *endpoint.Endpoint, v *verdict, sent, ended time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.posts--
	defer l.pump(ended)
	if ep.URL != l.ep.URL {
		return
	}
	l.hold.heed(v, sent, ended)
	disable := ""
	switch {
	case v.Outcome == delivery.Delivered:
		l.failing = time.Time{}
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
		s.d.background.Go(func() { s.disable(l, ep, disable) })
	}
}

// bury makes the dead letters of deliveries that ended without success durable. It reports
// false only when the process stops before it could. An event that tells of another delivery
// makes none.
func (s *shard) bury(ctx context.Context, ep *endpoint.Endpoint, group []*pendingDelivery, why delivery.Ended) bool {
	for _, d := range group {
		if s.d.tells(d) {
			continue
		}
		letter := deadLetter(ep, d, why)
		for {
			_, err := s.d.store.Publish(ctx, s.d.conf.DeadTopic, letter, bus.PublishOptions{Reserved: true, Key: "dead " + d.ID})
			if err == nil {
				break
			}
			if errors.Is(err, bus.ErrTooLarge) { // with what a dead letter adds; the journal names the event
				s.d.log.Error("no dead letter, the event is too large for one", slog.String("delivery", d.ID), slog.Any("error", err))
				break
			}
			if ctx.Err() == nil {
				s.d.trouble.Warn("dead letter not published, trying again", err, slog.String("delivery", d.ID))
			}
			if !pause(ctx, fetchRetry) {
				return false
			}
		}
		s.d.ops(opsDelivery(why, ep, d))
	}
	return true
}

// record journals the attempt for each delivery of the group, and logs it once.
func (s *shard) record(ep *endpoint.Endpoint, group []*pendingDelivery, sent, ended time.Time, res *delivery.Response, v verdict) {
	outcomes := make([]outcome, len(group))
	body := res.Body
	if len(body) > responseBytes {
		body = body[:responseBytes]
	}
	for i, d := range group {
		outcomes[i] = outcome{d, delivery.Attempt{
			Delivery: d.ID, Endpoint: d.Endpoint, Event: d.Event, Batch: d.Batch, Number: d.Number,
			Sent: sent, Received: ended, Status: res.Status, Reason: res.Reason, Detail: res.Detail,
			Response: body, Outcome: v.Outcome, Ended: v.Ended, Next: v.Next, Hold: v.Hold,
		}}
		if v.Outcome != "" {
			s.d.metrics.ended(v.Outcome)
		}
	}
	s.d.logAttempt(ep, group[0], res, v, ended.Sub(sent), len(group))
	s.rec.add(outcomes...) // from here on the deliveries are the recorder's
}
