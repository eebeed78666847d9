package dispatch

import (
	"log/slog"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/filter"
)

// A replayFilter says what of the topics a replay takes, wherever it lies.
type replayFilter struct {
	topic string       // "": all
	list  *filter.List // nil: what the endpoint takes
	err   error        // the list cannot be read: it takes nothing
}

func filterOf(r *delivery.Replay) replayFilter {
	f := replayFilter{topic: r.Topic}
	if len(r.Filters) > 0 {
		f.list = &filter.List{}
		f.err = f.list.Parse(string(r.Filters))
	}
	return f
}

func (f *replayFilter) judge(d *Dispatcher, ep *endpoint.Endpoint, m *bus.Message) (endpoint.Verdict, error) {
	switch {
	case m.Fault != "" || delivery.IsMark(m.Event) || f.topic != "" && m.Topic != f.topic || d.conf.telling().About(m) == ep.Name:
		return endpoint.NotTaken, nil
	case f.err != nil:
		return endpoint.FilterFailed, f.err
	}
	return ep.JudgeReplay(m, f.list)
}

// hungryJobs adds what replays would be fed now. What has expired before their places is for nobody.
func (s *shard) hungryJobs(all map[bus.Partition][]feed.Candidate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for _, l := range s.lanes {
		for _, j := range l.jobs {
			if l.blocked() || !j.hungry() {
				continue
			}
			for p, c := range j.ranges {
				if c.busy || c.done() {
					continue
				}
				if front, ok := s.d.partitions.Front(p, c.read.Identity); ok {
					c.skip(front)
				}
				if !c.done() {
					all[p] = append(all[p], feed.Candidate{Range: &replayConsumer{rangeConsumer{lane: l, catchupRange: c}, j}, At: c.read})
				}
			}
		}
	}
}

// A replayConsumer brings a range of a replay to its lane.
type replayConsumer struct {
	rangeConsumer
	job *job
}

// Full implements feed.Range.
func (e *replayConsumer) Full() bool {
	s := e.lane.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && !e.lane.closed && !e.done() && e.job.runs() && e.job.full() && !e.lane.blocked()
}

// Hungry implements feed.Range.
func (e *replayConsumer) Hungry() bool {
	s := e.lane.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && !e.lane.blocked() && e.job.hungry()
}

// Take implements feed.Consumer. An empty batch says that nothing is left of what was stored when the
// replay began.
func (e *replayConsumer) Take(b *feed.Batch) bool {
	s, l, j, c := e.lane.shard, e.lane, e.job, e.catchupRange
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || l.closed || j.ranges[b.Partition] != c || !c.read.Reaches(b.Before) {
		return false // there is nobody to feed, or the replay was cancelled meanwhile
	}
	defer func() { l.pump(time.Now()) }()
	for i := range b.Messages {
		m := &b.Messages[i]
		switch {
		case c.read.Reaches(m.Position):
			continue
		case !c.to.Reaches(m.Position):
			c.read = *c.to
			return false
		case l.blocked() || !j.runs() || j.full():
			return false
		}
		switch v, err := j.filter.judge(s.d, l.ep, m); v {
		case endpoint.Taken:
			s.handReplay(l, j, m, c)
		case endpoint.FilterFailed:
			s.d.trouble.WarnOf(l.ep.Name, "filter failed, event not replayed", err, slog.String("replay", j.ask.ID), slog.String("event", event.Short(m.Event.ID)))
		}
		c.read = m.Position
	}
	if len(b.Messages) == 0 {
		c.read = *c.to
	}
	return !c.done()
}

// handReplay makes a delivery of an event, unless there is one.
func (s *shard) handReplay(l *lane, j *job, m *bus.Message, c *catchupRange) {
	ref := delivery.RefOf(m)
	id := delivery.ReplayID(l.ep.ID, &ref, j.ask.ID)
	d := s.known[id]
	if d == nil {
		now := time.Now()
		d = &pendingDelivery{
			Entry: &delivery.Entry{ID: id, Endpoint: l.ep.ID, Event: ref, Number: 1, Due: now, Created: now, Replay: j.ask.ID, NewID: j.ask.NewID},
			lane:  l, job: j, event: m.Event, trace: taken(m), size: int32(m.Size), heapIndex: -1,
		}
		d.Key = l.keyOf(m.Event)
		s.known[id] = d
		j.open++
		j.fresh++
		j.bytes += m.Size
		if l.enlist(d) {
			j.queue.push(d)
		}
	}
	c.out.push(handed{d, c.read})
}
