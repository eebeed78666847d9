package dispatch

import (
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/statelog"
)

const (
	maxHold   = 15 * time.Minute       // that a Retry-After may stop an endpoint
	slowFirst = 250 * time.Millisecond // the pause of an endpoint that asks for fewer requests and names no time
	slowMost  = time.Minute
)

// A hold keeps everything from an endpoint for a while because of what it answered. An
// endpoint that named no time is paused for longer each time, and gets one attempt at a time
// until one succeeds.
type hold struct {
	until time.Time
	by    delivery.HeldBy
	pause time.Duration // the last one; 0: the endpoint is not slowed
	grew  time.Time     // when it did: what was sent before says nothing new

	lifted time.Time // by an operator, who holds it against what the endpoint had answered
	void   time.Time // until when what was lifted would have held

	unwell time.Time // since when operators know of something bad; zero: of nothing since its last success
}

// heed takes in what follows from an attempt for the whole endpoint.
func (h *hold) heed(v *verdict, sent, ended time.Time) {
	news := !sent.Before(h.grew)
	switch {
	case v.Outcome == delivery.Delivered && news:
		h.pause = 0
	case v.Slow && news:
		h.pause = min(max(2*h.pause, slowFirst), slowMost)
		h.grew = ended
		h.extend(ended.Add(h.pause), delivery.HeldBySlowing)
	}
	h.extend(v.Hold, delivery.HeldByRetryAfter)
}

func (h *hold) extend(until time.Time, by delivery.HeldBy) {
	if until.After(h.until) {
		h.until, h.by = until, by
	}
}

// lift ends the hold: its cause is gone.
func (h *hold) lift(now time.Time) {
	if h.until.After(now) {
		h.lifted, h.void = now, h.until
	}
	h.until, h.pause = time.Time{}, 0
}

func (h *hold) durable(url string, now time.Time) (d statelog.Hold) {
	switch {
	case h.until.After(now):
		d = statelog.Hold{Until: h.until.UnixNano(), By: h.by, At: statelog.HashOf(url)}
	case h.void.After(now):
		d = statelog.Hold{Lifted: h.lifted.UnixNano()}
	}
	if !h.unwell.IsZero() {
		d.Unwell = h.unwell.UnixNano()
	}
	return d
}

// restoreHold is the hold as a successor finds it: in the state log, if the server that the endpoint
// still is at asked for it, and, as far as nobody has lifted it, in what the journal says of that one.
func restoreHold(d statelog.Hold, url string, asked time.Time) hold {
	var h hold
	if d.Unwell != 0 {
		h.unwell = time.Unix(0, d.Unwell)
	}
	if d.Until != 0 && d.IsOf(url) {
		h.until, h.by = time.Unix(0, d.Until), d.By
	}
	h.extend(asked, delivery.HeldByRetryAfter)
	return h
}
