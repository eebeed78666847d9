package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	// pageBytes is about how much one fetch of a partition brings; a batch that is larger
	// comes all the same.
	pageBytes = 1 << 20
	// scanBytes is the same for whoever reads all that is there.
	scanBytes = 8 << 20
	// OneBatch makes a fetch bring the batch that holds the offset, and nothing else.
	OneBatch = 1
)

// What never changes: of transactions only what was committed is read, and one decompressor
// serves all.
var (
	committed    = kgo.ReadCommitted()
	decompressor = kgo.DefaultDecompressor()
)

// A page is what one fetch of a partition brought.
type page struct {
	PartitionRef
	raw  *kmsg.FetchResponseTopicPartition
	from int64 // the offset that was asked for; records in front of it may be there too
	Next int64 // behind the last whole batch
	End  int64 // of what is committed

	youngest int64 // mark of the batches
}

// Fetch asks a partition's leader for what is there at an offset, without waiting for more.
// Errors: errOutside, errMoved and others that are bus.ErrUnavailable.
func (c *Cluster) Fetch(ctx context.Context, s PartitionRef, offset int64, size int32) (page, error) {
	if err := c.settle(ctx, s); err != nil {
		return page{}, err
	}
	req := fetchRequest(0, size)
	req.Topics = []kmsg.FetchRequestTopic{s.ask(offset, size)}
	resp, err := c.to(ctx, s.Leader().Node, req)
	if err != nil {
		c.forget(s.Topic)
		return page{}, s.Failed("fetch", err)
	}
	answer := resp.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return page{}, s.Failed("fetch", Unavailable(err))
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return page{}, s.Failed("fetch", fmt.Errorf("%w: the broker said nothing of the partition", bus.ErrUnavailable))
	}
	rt := &answer.Topics[0]
	raw := &rt.Partitions[0]
	if other := answer.Version >= fetchByID && rt.TopicID != s.ID || answer.Version < fetchByID && rt.Topic != s.Name; other || raw.Partition != s.Number {
		c.forget(s.Topic)
		return page{}, s.Failed("fetch", errAnother)
	}
	if err := c.refused(s, raw.ErrorCode); err != nil {
		return page{}, s.Failed("fetch", err)
	}
	p := newPage(s, raw, offset)
	if err := p.check(); err != nil {
		c.forget(s.Topic)
		return page{}, s.Failed("fetch", err)
	}
	return p, nil
}

// fetchByID is the version from which on answers name topics by their ids.
const fetchByID = 13

// check holds what a broker brought against what it can have: something, as long as there is
// something, and nothing that is younger than its time as the leader.
func (p *page) check() error {
	if p.Next == p.from && p.from < p.End {
		return fmt.Errorf("%w: the broker brought nothing at %d of %d", bus.ErrUnavailable, p.from, p.End)
	}
	if epoch := p.Leader().Epoch; epoch >= 0 && p.youngest > MarkOf(epoch) {
		return fmt.Errorf("%w: it leads in epoch %d and brought records of epoch %d", errMoved, epoch, p.youngest-1)
	}
	return nil
}

// ConfirmID has the leader say that the topic's id is what a broker said, who may be behind: a
// leader is asked by the id (from Kafka 3.1 on).
func (c *Cluster) ConfirmID(ctx context.Context, s PartitionRef) error {
	if _, err := c.Fetch(ctx, s, 0, OneBatch); !errors.Is(err, ErrOutside) {
		return err
	}
	return nil
}

// fetchRequest reads without a session: each request says all.
func fetchRequest(waitMillis, size int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis = waitMillis
	req.MinBytes = 1
	req.MaxBytes = size
	req.IsolationLevel = 1 // committed
	return req
}

// ask is the part of a fetch request that is about one partition.
func (s PartitionRef) ask(offset int64, size int32) kmsg.FetchRequestTopic {
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition = s.Number
	p.CurrentLeaderEpoch = s.Leader().Epoch
	p.FetchOffset = offset
	p.PartitionMaxBytes = size
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = s.Name, s.ID
	t.Partitions = []kmsg.FetchRequestTopicPartition{p}
	return t
}

// refused makes an error of what a leader answers about a partition. What made it so is
// forgotten, so that the next attempt asks anew.
func (c *Cluster) refused(s PartitionRef, code int16) error {
	err := kerr.ErrorForCode(code)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.OffsetOutOfRange):
		return ErrOutside
	case stale(err):
		c.forget(s.Topic)
		return fmt.Errorf("%w: %w", errMoved, err)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return OnTopic(s.Name, "READ", err)
	}
	c.forget(s.Topic)
	return Unavailable(err)
}

func (s PartitionRef) Failed(what string, err error) error {
	return fmt.Errorf("%s from %s: %w", what, s.Partition(), err)
}

func newPage(s PartitionRef, raw *kmsg.FetchResponseTopicPartition, from int64) page {
	p := page{PartitionRef: s, raw: raw, from: from, Next: from, End: raw.LastStableOffset}
	if p.End < 0 { // a broker that knows no transactions
		p.End = raw.HighWatermark
	}
	for b := range batches(raw.RecordBatches) {
		p.Next, p.youngest = max(p.Next, b.last+1), max(p.youngest, b.mark)
	}
	return p
}

// Records are those at `from` and behind, without what was not committed.
func (p *page) Records(from int64) ([]*kgo.Record, error) {
	if len(p.raw.RecordBatches) == 0 {
		return nil, nil
	}
	o := kgo.ProcessFetchPartitionOpts{Offset: from, IsolationLevel: committed, Topic: p.Name, Partition: p.Number}
	got, _ := kgo.ProcessFetchPartition(o, p.raw, decompressor, nil)
	if got.Err != nil {
		return nil, fmt.Errorf("read records of %s at %d: %w", p.Partition(), from, got.Err)
	}
	return got.Records, nil
}

// A batch is what the head of a record batch says.
type batch struct {
	first, last int64
	mark        int64 // leader epoch plus one; 0: not known
}

// batches walks the whole batches of an answer (Kafka protocol, "Record Batch" and, before
// magic 2, "Message Sets").
func batches(raw []byte) func(yield func(batch) bool) {
	const (
		lengthAt, epochAt, magicAt, lastDeltaAt = 8, 12, 16, 23
		head                                    = 27
	)
	return func(yield func(batch) bool) {
		for len(raw) >= head {
			size := int64(int32(binary.BigEndian.Uint32(raw[lengthAt:]))) + epochAt
			if size < head || size > int64(len(raw)) {
				return
			}
			first := int64(binary.BigEndian.Uint64(raw))
			b := batch{first: first, last: first}
			if raw[magicAt] >= 2 {
				b.last += int64(int32(binary.BigEndian.Uint32(raw[lastDeltaAt:])))
				b.mark = MarkOf(int32(binary.BigEndian.Uint32(raw[epochAt:])))
			}
			if b.last < b.first || !yield(b) {
				return
			}
			raw = raw[size:]
		}
	}
}

// MarkOf makes a position's mark of a leader epoch, which is -1 where it is not known.
func MarkOf(epoch int32) int64 { return int64(epoch) + 1 }

// LastBefore finds the last offset in front of `below` that a batch holds, not in front of start,
// with its mark; start-1 and 0 where compaction left none. Nearly always the first look finds
// it.
func (c *Cluster) LastBefore(ctx context.Context, s PartitionRef, start, below int64) (at, mark int64, err error) {
	at = start - 1
	for step := int64(1); at < start && start < below; step *= 16 {
		from := max(start, below-step)
		for next := from; next < below; {
			p, err := c.Fetch(ctx, s, next, OneBatch)
			if err != nil {
				return 0, 0, err
			}
			if next = p.Next; next == p.from {
				break
			}
			for b := range batches(p.raw.RecordBatches) {
				if b.first < below {
					at, mark = min(b.last, below-1), b.mark
				}
			}
		}
		if from == start {
			break
		}
	}
	return at, mark, nil
}
