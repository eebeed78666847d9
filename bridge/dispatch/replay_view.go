package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/statelog"
)

const opsReplay = string(ops.ReplayFinished)

// Replays lists the replays of all endpoints, in no order: of shards that other processes own as
// their logs say.
func (d *Dispatcher) Replays(ctx context.Context) (all []delivery.ReplayStanding, err error) {
	for id := range d.owned.total() {
		if s := d.owned.shard(id); s != nil {
			all = append(all, s.replays()...)
			continue
		}
		err := d.others.At(ctx, id, func(st *statelog.State) {
			for _, j := range st.Jobs {
				all = append(all, standingOf(j))
			}
		})
		if err != nil && !errors.Is(err, statelog.ErrDamaged) {
			return nil, err
		}
	}
	return all, nil
}

func (s *shard) replays() (all []delivery.ReplayStanding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		for _, j := range l.jobs {
			st := standingOf(j.durable())
			st.Sent, st.Failed = j.sent+j.late[1], j.failed+j.late[0]
			st.Left = 0
			for _, c := range j.ranges {
				st.Left += c.left(bus.Position{})
			}
			if j.ask.Listed == 0 {
				st.Matched = st.Sent + st.Failed + int64(j.open)
			}
			all = append(all, st)
		}
	}
	return all
}

// standingOf is what the state log says of a replay: what is on its way is not in it.
func standingOf(j *statelog.Job) delivery.ReplayStanding {
	st := delivery.ReplayStanding{Replay: j.Replay, State: j.State, Matched: int64(j.Listed), Sent: j.Sent, Failed: j.Failed, Ended: j.Ended}
	if j.Listed == 0 {
		st.Matched = j.Sent + j.Failed
	}
	for _, r := range j.Ranges {
		if r.To != nil {
			st.Left += max(r.To.Seq-r.From.Seq, 0)
		}
	}
	return st
}

// tellOver tells operators of replays that have ended, until that is durable.
func (s *shard) tellOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		for _, j := range l.jobs {
			if !j.state.Over() || j.open > 0 || j.told || j.telling || s.closed {
				continue
			}
			j.telling = true
			e := opsReplayOver(l.ep, standingOf(j.durable()))
			s.d.background.Go(func() {
				ctx, cancel := context.WithTimeout(s.d.attemptsCtx, opsTimeout)
				defer cancel()
				err := s.d.conf.Teller.Tell(ctx, e)
				if err != nil {
					s.d.trouble.Warn("operations event not published, trying again", err, slog.String("type", e.Type), slog.String("subject", e.Subject))
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				j.told, j.telling = err == nil, false
			})
		}
	}
}

func opsReplayOver(ep *endpoint.Endpoint, st delivery.ReplayStanding) *event.Event {
	reason := "all that it matched has ended"
	if st.State == delivery.ReplayCancelled {
		reason = "an operator cancelled it"
	}
	e := opsEvent(opsReplay, st.ID, ep, ops.Replay{
		Replay: st.ID, AboutEndpoint: opsEndpoint{Endpoint: ep.ID, Name: ep.Name, Reason: reason},
		State: string(st.State), Matched: st.Matched, Sent: st.Sent, Failed: st.Failed,
	})
	e.Time = st.Ended.UTC()
	return e
}

// Stretches are what lies between two edges, by partition, as it is stored now. An error that is
// delivery.ErrNoTopic is the caller's.
func (d *Dispatcher) Stretches(ctx context.Context, from, until delivery.Edge) (map[bus.Partition]delivery.Stretch, error) {
	spans, err := d.partitions.Spans(ctx)
	if err != nil {
		return nil, err
	}
	all := map[bus.Partition]delivery.Stretch{}
	for _, span := range spans {
		if !from.Covers(span.Partition, spans) || !until.Covers(span.Partition, spans) {
			continue
		}
		front := bus.Position{Identity: span.Identity, Seq: span.First - 1}
		a, err := d.edge(ctx, from, span, -1)
		if err != nil {
			return nil, err
		}
		b, err := d.edge(ctx, until, span, 0)
		if err != nil {
			return nil, err
		}
		if a.Seq < front.Seq {
			a = front
		}
		if b.Seq > span.End.Seq {
			b = span.End
		}
		if a.Seq < b.Seq {
			all[span.Partition] = delivery.Stretch{From: a, To: b}
		}
	}
	for _, e := range []delivery.Edge{from, until} {
		if e.Topic != "" && !e.Known(spans) {
			return nil, fmt.Errorf("%q %w", e.Topic, delivery.ErrNoTopic)
		}
	}
	return all, nil
}

// edge is the place of an edge in a partition. step is added to the position of a named event.
func (d *Dispatcher) edge(ctx context.Context, e delivery.Edge, span bus.Span, step int64) (bus.Position, error) {
	switch {
	case e.Topic != "":
		return bus.Position{Identity: span.Identity, Seq: e.Position + step}, nil
	case e.First:
		return bus.Position{Identity: span.Identity, Seq: span.First - 1}, nil
	case e.At.IsZero():
		return span.End, nil
	}
	return d.store.Before(ctx, span.Partition, e.At)
}

var errStretchRead = errors.New("the stretch was read")

// Replayed hands over what a replay would make deliveries of, in order within each partition. It sends
// nothing.
func (d *Dispatcher) Replayed(ctx context.Context, ep *endpoint.Endpoint, r *delivery.Replay, each func(*bus.Message)) error {
	topics, takes := d.topics(), filterOf(r)
	for p, s := range r.Stretches {
		err := topics.Follow(ctx, p, s.From, func(batch []bus.Message) error {
			for i := range batch {
				m := &batch[i]
				if !s.To.Reaches(m.Position) {
					return errStretchRead
				}
				if v, _ := takes.judge(d, ep, m); v == endpoint.Taken {
					each(m)
				}
			}
			if n := len(batch); n == 0 || batch[n-1].Position.Reaches(s.To) {
				return errStretchRead
			}
			return nil
		})
		if !errors.Is(err, errStretchRead) {
			return fmt.Errorf("read %s: %w", p, err)
		}
	}
	return nil
}
