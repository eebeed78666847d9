package kafka

import (
	"context"
	"encoding/binary"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/event"
)

// mark tells all processes that an event of intake is durable. It comes behind the event: a
// crash in between has the event repeated, not lost. Without its marker, too, the event is
// durable, and an error would have it sent once more for certain.
func (s *Store) mark(ctx context.Context, topic string, e *event.Event, key string) {
	_, _, _, err := s.write(ctx, s.names.seen, func(out *outgoing) {
		out.data = appendMarker(out.data[:0], topic, e.Source, e.ID)
		out.rec = kgo.Record{Key: []byte(key), Value: out.data}
	})
	if err != nil {
		s.o.Log.Warn("an event was published and its marker was not: other replicas may take it once more", slog.String("topic", topic), slog.Any("error", err))
	}
}

// A marker is one byte of format, topic and source each behind its length, and the id.
const markerFormat = 1

func appendMarker(dst []byte, topic, source, id string) []byte {
	dst = append(dst, markerFormat)
	for _, part := range []string{topic, source} {
		dst = binary.AppendUvarint(dst, uint64(len(part)))
		dst = append(dst, part...)
	}
	return append(dst, id...)
}

// readMarker reads what appendMarker wrote. What is none, or of a newer version, is left out:
// it costs a repeat at most.
func readMarker(data []byte) (topic, source, id string, ok bool) {
	if len(data) == 0 || data[0] != markerFormat {
		return "", "", "", false
	}
	data = data[1:]
	for _, part := range []*string{&topic, &source} {
		n, size := binary.Uvarint(data)
		if size <= 0 || n > uint64(len(data)-size) {
			return "", "", "", false
		}
		*part, data = string(data[size:size+int(n)]), data[size+int(n):]
	}
	return topic, source, string(data), true
}
