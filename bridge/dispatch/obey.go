package dispatch

import (
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// commandsEnd: where the log ends before what was acted on, it is another log.
func (s *shard) commandsEnd(end int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if end < s.commands {
		s.commands = bus.NoPosition
	}
}

// act takes a command in. What it causes begins once the delta that counts it is in the log.
// It reports false when the shard must first know as much of the registry as the author did, or
// what it is about is about to end by itself: it is taken up again behind that.
func (s *shard) act(pos int64, c *delivery.Command) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pos <= s.commands || s.closed {
		return true
	}
	if c.Revision > s.revision || slices.ContainsFunc(c.All(), s.expires) {
		return false
	}
	s.commands = pos
	if c.Replay != nil {
		if l := s.lanes[c.Replay.Endpoint]; l != nil {
			l.beginReplay(c.Replay)
		}
	}
	for _, e := range c.All() {
		if l := s.lanes[e.Endpoint]; l != nil {
			l.obey(c.Kind, e)
		}
	}
	return true
}

// expires reports whether the end of a delivery is on its way to the journal.
func (s *shard) expires(e delivery.Entry) bool {
	d := s.known[e.ID]
	return d != nil && d.status == expiring
}

func (l *lane) obey(kind delivery.CommandKind, e delivery.Entry) {
	l.shard.d.metrics.commands.WithLabelValues(string(kind)).Inc()
	switch kind {
	case delivery.RetryNow:
		l.retryNow(e)
	case delivery.Cancel:
		l.cancelNamed(e)
	case delivery.Drain:
		l.drain()
	case delivery.StartReplay:
		l.replayListed(e)
	case delivery.PauseReplay, delivery.ResumeReplay, delivery.CancelReplay:
		l.steer(kind, e.Replay)
	case delivery.EndHold:
		now := time.Now()
		l.cleanSlate(now)
		l.pump(now)
	}
}

// retryNow makes a pending delivery due, or takes one up again that has ended.
func (l *lane) retryNow(e delivery.Entry) {
	now := time.Now()
	if l.hold.until.After(now) || l.hold.pause > 0 { // who asks for an attempt knows better
		l.hold.lift(now)
		defer l.pump(now)
	}
	d := l.shard.known[e.ID]
	switch {
	case d == nil:
		d = &pendingDelivery{Entry: &e, lane: l, heapIndex: -1, mark: l.shard.journaled}
		l.shard.known[d.ID] = d
	case d.status == final: // its end is still remembered
		e.Number = max(e.Number, d.Number+1)
		d.leaveJob()
		d.Entry, d.shared, d.mark = &e, false, l.shard.journaled
		if d.entry != unwritten { // its end took it out of the count
			l.entries++
		}
	case d.status == waiting:
		l.lineOf(d).waiting.take(d)
		l.mortals.drop(d)
	case d.status == queued && d.ends() != 0: // it might end before its turn
		l.unqueue(d)
		l.mortals.drop(d)
		d.event = nil // it is read again
	case d.status == asked:
	default: // queued or running: it is tried anyway
		if d.cancelled {
			d.cancelled, d.draft().Cancelled = false, false
			l.keep(d)
		}
		l.breaker = l.breaker.asked(now)
		l.pump(now)
		return
	}
	draft := d.draft()
	draft.Due, draft.Asked, draft.Cancelled = now, true, false
	d.status, d.cancelled = asked, false
	l.keep(d)
}

// durableCommands is the last command that the last delta counts.
func (s *shard) durableCommands() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.durable.commands
}
