package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// An outgoing record and the memory that building it takes.
type outgoing struct {
	rec    kgo.Record
	acked  chan error // one slot: the client library's promise sends, send receives
	done   func(*kgo.Record, error)
	sent   func() // PublishOptions.Sent
	timer  *time.Timer
	fields []event.Field
	header []kgo.RecordHeader
	values []byte // what header's values point into
	data   []byte // of a structured event
}

var outgoings = sync.Pool{New: func() any {
	out := &outgoing{acked: make(chan error, 1), timer: time.NewTimer(time.Hour)}
	out.timer.Stop()
	out.done = func(_ *kgo.Record, err error) { out.acked <- err }
	return out
}}

// release gives the memory back, and lets go of the event's. It must not be called while the
// record may be on its way.
func (out *outgoing) release() {
	out.rec, out.sent = kgo.Record{}, nil
	if cap(out.data) > 64<<10 {
		out.data = nil
	}
	outgoings.Put(out)
}

// errLate: nobody acknowledged the record in time. It may still land.
var errLate = fmt.Errorf("%w: no acknowledgement in time", bus.ErrUnavailable)

// write sends a record to a topic until it is acknowledged or time is up, and returns the
// topic as it was then and the record's place in it. fill sets all of the record but its topic. A topic that turns out to
// be missing or another one is looked up again, or made.
func (s *Store) write(ctx context.Context, topic string, until time.Time, fill func(*outgoing)) (to *target, n int32, offset int64, err error) {
	for {
		if to, err = s.targets.get(ctx, topic); err != nil {
			return nil, 0, 0, err
		}
		out := outgoings.Get().(*outgoing)
		fill(out)
		out.rec.Topic = topic
		var back bool
		back, err = s.send(ctx, out, until)
		if back {
			n, offset = out.rec.Partition, out.rec.Offset
			out.release()
		}
		if err == nil {
			return to, n, offset, nil
		}
		again, reviewErr := s.mended(ctx, to, err)
		if reviewErr != nil {
			return nil, 0, 0, reviewErr
		}
		if !again || !time.Now().Before(until) {
			return nil, 0, 0, onTopic(topic, "WRITE", unavailable(err))
		}
	}
}

// patience is when a write that begins now is given up.
func (s *Store) patience() time.Time { return time.Now().Add(s.o.PublishTimeout) }

// mended reports whether a record that was not taken may be now: its topic is looked up anew.
func (s *Store) mended(ctx context.Context, to *target, err error) (bool, error) {
	switch {
	case errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.InconsistentTopicID), errors.Is(err, kerr.UnknownTopicOrPartition):
		return true, s.targets.void(ctx, to)
	case errors.Is(err, kerr.MessageTooLarge):
		return s.targets.shrunk(ctx, to)
	}
	return false, nil
}

// send hands a record to the client library and waits until it is acknowledged. back says
// whether the library has given it back; else out must be left alone.
func (s *Store) send(ctx context.Context, out *outgoing, until time.Time) (back bool, err error) {
	if err := ctx.Err(); err != nil {
		return true, ended(ctx)
	}
	out.rec.Context = context.Background() // ending one record's context would end others, too
	s.link.cl.TryProduce(out.rec.Context, &out.rec, out.done)
	if out.sent != nil {
		out.sent()
	}
	out.timer.Reset(time.Until(until))
	defer out.timer.Stop()
	select {
	case err := <-out.acked:
		if errors.Is(err, kgo.ErrMaxBuffered) {
			err = fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
		}
		return true, err
	case <-out.timer.C:
		return false, errLate
	case <-ctx.Done():
		return false, ended(ctx)
	}
}

// partitioner puts records of logs and journal into the partition that they name, and all
// others where their key belongs, or without a key where there is least to do.
type partitioner struct {
	names            *names
	placed, anywhere kgo.Partitioner
}

// spreadBytes is how much goes to one partition in a row when there is no key.
const spreadBytes = 64 << 10

func newPartitioner(n *names) kgo.Partitioner {
	return &partitioner{names: n, placed: kgo.ManualPartitioner(), anywhere: kgo.UniformBytesPartitioner(spreadBytes, true, true, nil)}
}

// ForTopic implements kgo.Partitioner.
func (p *partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	if p.names.private(topic) && topic != p.names.seen {
		return p.placed.ForTopic(topic)
	}
	return p.anywhere.ForTopic(topic)
}
