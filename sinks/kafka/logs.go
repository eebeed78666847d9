package kafka

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
	"github.com/hookspan/hookspan/sinks/kafka/publish"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

// records are what Hookspan keeps beside events: bus.Logs, bus.Journal, bus.History and
// bus.Refusals, and of bus.Shared what follows them.
type records struct {
	cluster   *cluster.Cluster
	names     topic.Names
	layout    *topic.Layout
	publisher *publish.Publisher
}

// Append implements bus.Logs (L1). Kafka refuses no record; whoever reads decides.
func (s *records) Append(ctx context.Context, log bus.LogName, r bus.Record) (int64, error) {
	topic, n, err := s.logPlace(log)
	if err != nil {
		return bus.NoPosition, err
	}
	var head [recordHead]byte
	_, _, offset, err := s.publisher.Write(ctx, publish.Writing{Topic: topic, Until: s.publisher.Patience(), Fill: func(out *publish.Outgoing) {
		out.Headers = append(out.Headers[:0], kgo.RecordHeader{Key: headerRecord, Value: appendHead(head[:0], r)})
		out.Record = kgo.Record{Partition: n, Value: r.Data, Headers: out.Headers}
	}})
	if err != nil {
		return bus.NoPosition, fmt.Errorf("append to the %s log: %w", log, err)
	}
	return offset, nil
}

// Read implements bus.Logs (L3).
func (s *records) Read(ctx context.Context, log bus.LogName, from int64, each func(bus.Record) error) error {
	topic, n, err := s.logPlace(log)
	if err != nil {
		return err
	}
	return s.cluster.Scan(ctx, topic, n, from, func(record *kgo.Record) error {
		r, err := readRecord(record)
		if err != nil {
			return fmt.Errorf("read record %d of the %s log: %w", record.Offset, log, err)
		}
		return each(r)
	})
}

// Trim implements bus.Logs (L4).
func (s *records) Trim(ctx context.Context, log bus.LogName, below int64) error {
	topic, n, err := s.logPlace(log)
	if err != nil {
		return err
	}
	if err := s.cluster.Trim(ctx, topic, n, below); err != nil {
		return fmt.Errorf("trim the %s log: %w", log, err)
	}
	return nil
}

func (s *records) logPlace(log bus.LogName) (topic string, n int32, err error) {
	switch log.Kind {
	case bus.State:
		return s.names.State, int32(log.Shard), s.checkShard(log.Shard)
	case bus.Registry:
		return s.names.Registry, 0, nil
	case bus.Commands:
		return s.names.Commands, 0, nil
	case bus.Alerts:
		return s.names.Alerts, 0, nil
	}
	return "", 0, fmt.Errorf("there is no log of kind %q", log.Kind)
}

// A record of a log carries in one header: a byte of format, its id, position and id of the
// record that it follows.
const (
	headerRecord = "hookspan-record"
	recordFormat = 1
	recordHead   = 1 + 16 + 8 + 16
)

func appendHead(dst []byte, r bus.Record) []byte {
	dst = append(dst, recordFormat)
	dst = append(dst, r.ID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Prev))
	return append(dst, r.PrevID[:]...)
}

// readRecord reads what Append wrote. What is no record at all comes back as one that follows
// nothing, so that no chain takes it for one of its own.
func readRecord(record *kgo.Record) (bus.Record, error) {
	r := bus.Record{Pos: record.Offset, Prev: bus.NoPosition}
	var head []byte
	for _, h := range record.Headers {
		if h.Key == headerRecord {
			head = h.Value
		}
	}
	if len(head) > 0 && head[0] > recordFormat {
		return r, fmt.Errorf("%w: format %d", bus.ErrNewerFormat, head[0])
	}
	if len(head) < recordHead || head[0] != recordFormat {
		return r, nil
	}
	copy(r.ID[:], head[1:17])
	r.Prev = int64(binary.BigEndian.Uint64(head[17:25]))
	copy(r.PrevID[:], head[25:41])
	r.Data = record.Value
	return r, nil
}
