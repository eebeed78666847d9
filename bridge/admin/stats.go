package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/problem"
)

// statsView is what became of the deliveries that are meant, and what of them waits: without an
// endpoint, a tenant or a type what waits in the shards of this process, as its metrics have it. Beside
// it stands what an overview shows of this process: what it has still to read, the shards that it
// owns, and the deliveries that it ended since it began. Endpoints are all there are.
type statsView struct {
	journal.Stats
	Pending              map[string]int64         `json:"pending"` // by reason
	OldestPendingSeconds float64                  `json:"oldest_pending_seconds"`
	OldestPending        *oldestPending           `json:"oldest_pending,omitempty"`
	LagEvents            int64                    `json:"lag_events"`
	ShardsOwned          int                      `json:"shards_owned"`
	Owned                []int                    `json:"owned,omitempty"`  // which shards, where replicas share them
	Shards               int                      `json:"shards,omitempty"` // of all replicas
	Deliveries           map[journal.Status]int64 `json:"deliveries"`
	Endpoints            map[endpoint.State]int   `json:"endpoints"`
}

// An oldestPending is since when the oldest delivery waits, and why.
type oldestPending struct {
	At     time.Time      `json:"at"`
	Reason delivery.Cause `json:"reason"`
}

func (a *api) stats(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "endpoint", "tenant", "type", "since", "until", "interval")
	want, interval := a.wanted(r.Context(), q), q.interval()
	if err := q.err(); err != nil {
		return err
	}
	s := a.Outbound.Stats()
	v := statsView{
		Pending: s.Pending, OldestPendingSeconds: s.Oldest.Seconds(), LagEvents: s.Lag, ShardsOwned: s.Shards,
		Deliveries: a.Deliveries.Ended(),
		Endpoints:  map[endpoint.State]int{endpoint.Enabled: 0, endpoint.Disabled: 0, endpoint.Paused: 0, endpoint.Removed: 0},
	}
	var err error
	if v.Stats, err = a.Deliveries.Stats(want, interval); errors.Is(err, journal.ErrIntervals) {
		return problem.New(problem.Invalid).With("", problem.Field{Path: "interval", Message: err.Error()})
	} else if err != nil {
		return err
	}
	l := a.look()
	if s.Longest != "" {
		v.OldestPending = &oldestPending{l.now.Add(-s.Oldest).UTC(), s.Longest}
	}
	if want.Endpoint != "" || want.Tenant != "" || want.Type != "" {
		if err := l.pending(r.Context(), &v, want); err != nil {
			return err
		}
	}
	if a.Shards != nil {
		v.Owned, v.Shards = a.Shards.Owned()
	}
	for _, e := range a.Registry.Set().All() {
		v.Endpoints[e.State]++
	}
	return write(w, http.StatusOK, v)
}

// pending says what waits of an endpoint, a tenant or a type, and which of it the longest.
func (l *look) pending(ctx context.Context, v *statsView, want journal.Query) error {
	v.Pending, v.OldestPendingSeconds, v.OldestPending = map[string]int64{}, 0, nil
	want.Status, want.Since, want.Until = journal.Pending, time.Time{}, time.Time{}
	err := l.matching(ctx, want, nil, func(found []journal.Delivery) error {
		for i := range found {
			d := &found[i]
			waits := l.stands(d).Waits
			v.Pending[string(waits)]++
			if v.OldestPending == nil || d.Created.Before(v.OldestPending.At) {
				v.OldestPending = &oldestPending{d.Created, waits}
			}
		}
		return nil
	})
	n := l.note(want.Endpoint)
	if queued := l.queued(want.Endpoint); queued > 0 && want.Type == "" {
		v.Pending[string(n.Waits)] += queued
	}
	if b := l.behind(n); b != nil && want.Type == "" { // of none, where no endpoint is named
		v.Pending[string(l.waitsBehind(want.Endpoint, n))] += int64(b.Events)
	}
	if v.OldestPending != nil {
		v.OldestPendingSeconds = l.now.Sub(v.OldestPending.At).Seconds()
	}
	return err
}

// interval is a time such as 1h; 0 for none.
func (q *query) interval() time.Duration {
	text := q.text("interval")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		q.fault("interval", "must be a second or more, such as 15m or 24h")
	}
	return d
}
