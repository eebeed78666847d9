package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

const (
	// Linger is for how long a record waits for others. With one request to a broker on its
	// way at a time, those of many callers gather without it; measured, it cost a little.
	Linger = 0
	// inHand bounds what waits to be sent, in records and bytes; the bytes are the callers'.
	inHandRecords = 1 << 18
	inHandBytes   = 256 << 20
)

// An Outgoing record and the memory that building it takes.
type Outgoing struct {
	Record  kgo.Record
	ctx     context.Context // leads from the record to this; it never ends, for that would end others, too
	acked   chan error      // one slot: the client library's promise sends, send receives
	done    func(*kgo.Record, error)
	pool    *sync.Pool
	sent    func()       // PublishOptions.Sent
	placed  atomic.Int32 // the partition that was chosen, and one
	timer   *time.Timer
	fields  []event.Field
	Headers []kgo.RecordHeader
	values  []byte // what header's values point into
	data    []byte // of a structured event
}

// newOutgoing makes one for a pool.
func newOutgoing(pool *sync.Pool) *Outgoing {
	out := &Outgoing{acked: make(chan error, 1), pool: pool, timer: time.NewTimer(time.Hour)}
	out.timer.Stop()
	out.done = func(_ *kgo.Record, err error) { out.acked <- err }
	out.ctx = context.WithValue(context.Background(), outgoingOf{}, out)
	return out
}

// outgoing is one from the pool.
func (s *Publisher) outgoing() *Outgoing { return s.outgoings.Get().(*Outgoing) }

// outgoingOf is the key under which a record's context holds its outgoing.
type outgoingOf struct{}

// placing hears from the client library which partition it chose.
type placing struct{}

// OnProduceRecordPartitioned implements kgo.HookProduceRecordPartitioned.
func (placing) OnProduceRecordPartitioned(r *kgo.Record, _ int32) {
	if out, ok := r.Context.Value(outgoingOf{}).(*Outgoing); ok {
		out.placed.Store(r.Partition + 1)
	}
}

// partition is where the record goes, -1 while that is not known.
func (out *Outgoing) partition() int32 { return out.placed.Load() - 1 }

// release gives the memory back, and lets go of the event's. It must not be called while the
// record may be on its way.
func (out *Outgoing) release() {
	out.Record, out.sent = kgo.Record{}, nil
	if cap(out.data) > 64<<10 {
		out.data = nil
	}
	out.pool.Put(out)
}

// errLate: nobody acknowledged the record in time. It may still land.
var errLate = fmt.Errorf("%w: no acknowledgement in time", bus.ErrUnavailable)

// A Writing is a record to be written.
type Writing struct {
	Topic string
	Until time.Time       // when it is given up
	Fill  func(*Outgoing) // sets all of the record but its topic
	// late is told when the record is not acknowledged soon; nil: nobody is. What was not
	// acknowledged and may have landed all the same is then an inDoubt.
	late func(*Outgoing)
}

// An inDoubt is a record that may have landed, or may land yet.
type inDoubt struct {
	error
	to        *target
	out       *Outgoing // the client library has it still; nil: it has given it up
	partition int32     // -1: it was never sent
}

// Unwrap is why it was not acknowledged.
func (d *inDoubt) Unwrap() error { return d.error }

// Write sends a record to a topic until it is acknowledged or time is up, and returns the
// topic as it was then and the record's place in it. A topic that turns out to be missing or
// another one is looked up again, or made.
func (s *Publisher) Write(ctx context.Context, w Writing) (to *target, n int32, offset int64, err error) {
	for {
		if to, err = s.targets.get(ctx, w.Topic); err != nil {
			return nil, 0, 0, err
		}
		out := s.outgoing()
		w.Fill(out)
		out.Record.Topic = w.Topic
		doubt := &inDoubt{to: to, out: out}
		var back bool
		if back, err = s.send(ctx, out, w); back {
			n, offset = out.Record.Partition, out.Record.Offset
			doubt.out, doubt.partition = nil, out.partition()
			out.release()
		}
		if err == nil {
			return to, n, offset, nil
		}
		again, reviewErr := s.mended(ctx, to, err)
		if again && reviewErr == nil && time.Now().Before(w.Until) {
			continue
		}
		doubt.error = cluster.OnTopic(w.Topic, "WRITE", cluster.Unavailable(err))
		if w.late != nil && !(back && (doubt.partition < 0 || untaken(err))) {
			return nil, 0, 0, doubt
		}
		if reviewErr != nil {
			return nil, 0, 0, reviewErr
		}
		return nil, 0, 0, doubt.error
	}
}

// Patience is when a write that begins now is given up.
func (s *Publisher) Patience() time.Time { return time.Now().Add(s.o.Timeout) }

// mended reports whether a record that was not taken may be now: its topic is looked up anew.
func (s *Publisher) mended(ctx context.Context, to *target, err error) (bool, error) {
	switch {
	case errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.InconsistentTopicID), errors.Is(err, kerr.UnknownTopicOrPartition):
		return true, s.targets.void(ctx, to)
	case errors.Is(err, kerr.MessageTooLarge):
		return s.targets.shrunk(ctx, to)
	}
	return false, nil
}

// untaken: the brokers, or the client library itself, refused the record for certain.
func untaken(err error) bool {
	return cluster.Denied(err) || cluster.Lasting(err) || errors.Is(err, kgo.ErrMaxBuffered) ||
		errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge)
}

// send hands a record to the client library and waits until it is acknowledged. back says
// whether the library has given it back; else out must be left alone.
func (s *Publisher) send(ctx context.Context, out *Outgoing, w Writing) (back bool, err error) {
	out.placed.Store(0)
	if err := ctx.Err(); err != nil {
		return true, cluster.Ended(ctx)
	}
	out.Record.Context = out.ctx
	s.cluster.Client.TryProduce(out.ctx, &out.Record, out.done)
	if out.sent != nil {
		out.sent()
	}
	left := time.Until(w.Until)
	soon := s.o.Timeout / partSoon
	late := w.late != nil && left > soon
	if late {
		left = soon
	}
	out.timer.Reset(left)
	defer out.timer.Stop()
	for {
		select {
		case err := <-out.acked:
			if errors.Is(err, kgo.ErrMaxBuffered) {
				err = fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
			}
			return true, err
		case <-out.timer.C:
			if !late {
				return false, errLate
			}
			late = false
			w.late(out)
			out.timer.Reset(time.Until(w.Until))
		case <-ctx.Done():
			return false, cluster.Ended(ctx)
		}
	}
}

// partitioner puts records of logs and journal into the partition that they name, markers too
// where they name one, and all others where their key belongs, or without a key where there is
// least to do.
type partitioner struct {
	private          func(topic string) bool
	seen             string
	placed, anywhere kgo.Partitioner
}

// spreadBytes is how much goes to one partition in a row when there is no key.
const spreadBytes = 64 << 10

func newPartitioner(o *Options) kgo.Partitioner {
	return &partitioner{private: o.Private, seen: o.Seen, placed: kgo.ManualPartitioner(), anywhere: kgo.UniformBytesPartitioner(spreadBytes, true, true, nil)}
}

// ForTopic implements kgo.Partitioner.
func (p *partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	switch {
	case topic == p.seen:
		return &either{p.anywhere.ForTopic(topic)}
	case p.private(topic):
		return p.placed.ForTopic(topic)
	}
	return p.anywhere.ForTopic(topic)
}

// either puts records that name a partition there, and the others anywhere.
type either struct{ kgo.TopicPartitioner }

// RequiresConsistency implements kgo.TopicPartitioner.
func (e *either) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition != anywhere || e.TopicPartitioner.RequiresConsistency(r)
}

// Partition implements kgo.TopicPartitioner.
func (e *either) Partition(r *kgo.Record, n int) int {
	if r.Partition != anywhere {
		return int(r.Partition)
	}
	return e.TopicPartitioner.Partition(r, n)
}

// PartitionByBackup implements kgo.TopicBackupPartitioner, which the one underneath is.
func (e *either) PartitionByBackup(r *kgo.Record, n int, backup kgo.TopicBackupIter) int {
	if of, ok := e.TopicPartitioner.(kgo.TopicBackupPartitioner); ok && r.Partition == anywhere {
		return of.PartitionByBackup(r, n, backup)
	}
	return e.Partition(r, n)
}
