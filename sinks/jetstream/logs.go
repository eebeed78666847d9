package jetstream

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// logs are the chained ones, the journal and the refusals, each on a stream of its own.
type logs struct{ *installation }

// Append implements bus.Logs (L1, L2): the server refuses a record whose Prev is not the
// subject's last sequence.
func (s *logs) Append(ctx context.Context, log bus.LogName, r bus.Record) (int64, error) {
	subject, stream, err := s.logPlace(log)
	if err != nil {
		return bus.NoPosition, err
	}
	return s.append(ctx, stream, &link.Message{
		Subject: subject, Data: appendRecord(nil, r),
		Header: []event.Field{{Name: link.HeaderExpectedLast, Value: strconv.FormatInt(max(r.Prev, 0), 10)}},
	})
}

// ledTimeout is how long the acknowledgement of a record may take in a cluster: what was sent to
// a leader that left is lost, and whoever wrote it looks what became of it and writes again.
const ledTimeout = 2 * time.Second

// append sends a record of a log or of the journal.
func (s *logs) append(ctx context.Context, stream string, m *link.Message) (int64, error) {
	waiting := ctx
	if !s.alone(s.private) {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, ledTimeout)
		defer cancel()
	}
	m.Synced = true
	a, err := s.private.Acks.Send(waiting, m, nil)
	if err == nil {
		err = s.from(stream, a)
	}
	switch {
	case err == nil && !a.Synced:
		err = s.durable(ctx)
	case waiting.Err() != nil && ctx.Err() == nil:
		err = link.Unavailable(err)
	}
	if err != nil {
		return bus.NoPosition, fmt.Errorf("append to %s: %w", m.Subject, s.explain(err, true))
	}
	return int64(a.Seq), nil
}

// from is nil when the stream that acknowledged is the one.
func (s *logs) from(stream string, a link.Ack) error {
	if a.Stream == stream {
		return nil
	}
	err := fmt.Errorf("%w: stream %q acknowledged it, not %s", link.ForeignAck, a.Stream, stream)
	s.meddled(err)
	return err
}

// Read implements bus.Logs (L3).
func (s *logs) Read(ctx context.Context, log bus.LogName, from int64, each func(bus.Record) error) error {
	subject, stream, err := s.logPlace(log)
	if err != nil {
		return err
	}
	return s.private.Replay(ctx, stream, subject, uint64(max(from, 0)), func(seq uint64, data []byte) error {
		r, err := readRecord(data)
		if err != nil {
			return fmt.Errorf("read record %d of %s: %w", seq, subject, err)
		}
		r.Pos = int64(seq)
		return each(r)
	})
}

// Trim implements bus.Logs (L4).
func (s *logs) Trim(ctx context.Context, log bus.LogName, below int64) error {
	subject, stream, err := s.logPlace(log)
	if err != nil {
		return err
	}
	return s.private.Purge(ctx, stream, subject, below)
}

func (s *logs) logPlace(log bus.LogName) (subject, stream string, err error) {
	switch log.Kind {
	case bus.State:
		return s.names.ns + ".state." + strconv.Itoa(log.Shard), s.names.state, nil
	case bus.Registry:
		return s.names.ns + ".registry", s.names.registry, nil
	case bus.Commands:
		return s.names.ns + ".commands", s.names.commands, nil
	case bus.Alerts: // beside the shards' own, so that no further stream is needed
		return s.names.ns + ".state.alerts", s.names.state, nil
	}
	return "", "", fmt.Errorf("there is no log of kind %q", log.Kind)
}

// A stored record is one byte of format, its id, position and id of the record that it
// follows, and the data.
const (
	recordFormat = 1
	recordHead   = 1 + 16 + 8 + 16
)

func appendRecord(dst []byte, r bus.Record) []byte {
	if dst == nil {
		dst = make([]byte, 0, recordHead+len(r.Data))
	}
	dst = append(dst, recordFormat)
	dst = append(dst, r.ID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Prev))
	dst = append(dst, r.PrevID[:]...)
	return append(dst, r.Data...)
}

// readRecord reads what appendRecord wrote. What is no record at all comes back as one that
// follows nothing, so that no chain takes it for one of its own.
func readRecord(data []byte) (bus.Record, error) {
	if len(data) > 0 && data[0] > recordFormat {
		return bus.Record{}, fmt.Errorf("%w: format %d", bus.ErrNewerFormat, data[0])
	}
	if len(data) < recordHead || data[0] != recordFormat {
		return bus.Record{Prev: bus.NoPosition}, nil
	}
	r := bus.Record{Prev: int64(binary.BigEndian.Uint64(data[17:25])), Data: data[recordHead:]}
	copy(r.ID[:], data[1:17])
	copy(r.PrevID[:], data[25:41])
	return r, nil
}
