package dispatch

import (
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// breakerPatience is how long a breaker may be open before what its endpoint needs of the topics
// gives way when they are full.
const breakerPatience = time.Hour

// assess takes in what an attempt says about the endpoint's health.
func (l *lane) assess(v *verdict, ended time.Time) {
	rule := &l.shard.d.limits.breaker
	was := l.breaker.state
	l.become(rule.heed(l.breaker, ended, v.Sign), "an attempt succeeded")
	if l.breaker.state == delivery.BreakerOpen {
		v.Probe = l.breaker.next
		if was == delivery.BreakerHalfOpen {
			l.stays()
		}
	}
}

// become puts the next breaker in the place of the one before. why is that of its closing.
func (l *lane) become(next breaker, why string) {
	was := l.breaker
	l.breaker = next
	switch {
	case was.closed() == next.closed() || l.closed:
		return
	case next.closed():
		l.urgent = nil
		l.shard.d.ranges.Wake()
		l.closedAgain(was.since, why)
	default:
		l.leaveLive()
		l.opened()
	}
}

// mend closes the breaker: the endpoint is at another address.
func (l *lane) mend(now time.Time) {
	if !l.breaker.closed() {
		l.become(breaker{state: delivery.BreakerClosed, since: now}, "its url was changed")
		return
	}
	l.breaker = breaker{since: now}
}

// probe lets one attempt through an open breaker; the zero time where it needs nobody's leave.
func (l *lane) probe(now time.Time) time.Time {
	if l.breaker.state != delivery.BreakerOpen {
		return time.Time{}
	}
	l.breaker = l.breaker.probing(now)
	return now
}

// urge has a delivery that an operator wants to be tried now be the probe.
func (l *lane) urge(d *pendingDelivery, now time.Time) {
	if l.breaker.state == delivery.BreakerOpen && l.urgent == nil {
		l.urgent, l.breaker = d, l.breaker.asked(now)
	}
}

// nextProbe takes what tries the endpoint: what an operator asked for, else by turns an event that
// was not tried yet, because a retry uses up one of the few that a delivery has, and a retry that is
// due, because an endpoint may be well and not take what is next.
func (l *lane) nextProbe(now time.Time) ([]*pendingDelivery, time.Time) {
	if d := l.urgent; d != nil {
		if l.urgent = nil; d.status == waiting {
			q := l.lineOf(d)
			q.waiting.take(d)
			return l.again(q, d), time.Time{}
		}
	}
	turns := [...]func(*line, time.Time) ([]*pendingDelivery, time.Time){l.nextFirst, l.nextDue}
	if l.probes%2 == 1 {
		turns[0], turns[1] = turns[1], turns[0]
	}
	var at time.Time
	for _, turn := range turns {
		group, ready := turn(&l.line, now)
		if group != nil {
			l.probes++
			return group, time.Time{}
		}
		at = earlier(at, ready)
	}
	return nil, at
}

// earlier is the first of two times that may be zero, which is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// givenUp: the endpoint's breaker has been open for so long that others need the room.
func (l *lane) givenUp(now time.Time) bool {
	return !l.breaker.closed() && now.Sub(l.breaker.since) >= breakerPatience
}

// breakerView is nil for a breaker that is closed.
func (l laneView) breakerView() *delivery.Breaker {
	if l.breaker.closed() {
		return nil
	}
	return &delivery.Breaker{State: l.breaker.state, Since: l.breaker.since, NextProbe: l.probeAt()}
}

// probeAt is when the next probe is made: once the breaker and the limits allow it and there is
// something to send.
func (l laneView) probeAt() time.Time {
	if l.breaker.state != delivery.BreakerOpen || l.stopped() != "" {
		return time.Time{}
	}
	at := l.opens()
	if l.fresh > 0 || len(l.waiting) == 0 || !l.waiting[0].Due.After(at) {
		return at
	}
	if b := l.behind(); b != nil && b.Events > 0 {
		return at
	}
	if slices.ContainsFunc(l.jobs, func(j *job) bool { return j.ready(at) }) {
		return at
	}
	return l.waiting[0].Due
}

// broken is until when what waits for the breaker does so: until the probe, or its end at the latest.
func (l laneView) broken() time.Time {
	if l.breaker.state == delivery.BreakerHalfOpen {
		return l.breaker.probed.Add(l.ep.Timeout)
	}
	return l.opens()
}

// broken names the endpoints whose breaker is open otherwise than the log says.
func (dt *delta) broken() {
	dt.r.Breakers = map[string]statelog.Breaker{}
	for id, l := range dt.lanes {
		if b := l.breaker.durable(l.ep.URL); b != dt.was.Breakers[id] {
			dt.r.Breakers[id] = b
		}
	}
	for id := range dt.was.Breakers {
		if dt.lanes[id] == nil {
			dt.r.Breakers[id] = statelog.Breaker{}
		}
	}
}

func (l *lane) opened() {
	reason := "most of its latest attempts failed"
	if n := l.breaker.refused; n >= l.shard.d.limits.breaker.refusals {
		reason = strconv.Itoa(n) + " connections in a row were refused"
	}
	l.tell(ops.BreakerOpened, reason, l.breaker.since, l.breaker.next)
}

func (l *lane) closedAgain(since time.Time, why string) {
	l.tell(ops.BreakerClosed, why, since, time.Time{})
}

// tell says in the log and by an operations event what became of the breaker.
func (l *lane) tell(kind ops.Type, reason string, since, probe time.Time) {
	d, ep := l.shard.d, l.ep
	data := ops.Breaker{AboutEndpoint: opsEndpoint{Endpoint: ep.ID, Name: ep.Name, Reason: reason}, Since: since.UTC(), NextProbe: probe.UTC()}
	d.metrics.breaker(kind)
	d.background.Go(func() {
		if kind == ops.BreakerOpened {
			d.log.Warn("breaker opened", slog.String("endpoint", ep.Name), slog.String("detail", reason), slog.Time("next_probe", probe))
		} else {
			d.log.Info("breaker closed", slog.String("endpoint", ep.Name), slog.String("detail", reason), slog.Time("since", since))
		}
		d.ops(opsEvent(string(kind), ep.ID+"/"+strconv.FormatInt(time.Now().UnixNano(), 36), ep, data))
	})
}

// stays logs that a probe failed.
func (l *lane) stays() {
	d, ep, b := l.shard.d, l.ep, l.breaker
	d.background.Go(func() { logProbe(d.log, ep, b.since, b.next) })
}

func logProbe(log *slog.Logger, ep *endpoint.Endpoint, since, next time.Time) {
	log.Info("breaker stays open", slog.String("endpoint", ep.Name), slog.Time("since", since), slog.Time("next_probe", next))
}
