package kafka

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	// bundlesAtOnce bounds the records of markers on their way. The fewer, the more markers
	// come together in one.
	bundlesAtOnce = 4
	bundleBytes   = 256 << 10
)

// markers tell all processes which events of intake are durable. Many go in one record: while
// some are on their way, the next ones gather.
type markers struct {
	s *Store

	mu     sync.Mutex
	queue  []*bundle // that wait to be sent, the last one still open
	flying int
}

// A bundle is markers that go together.
type bundle struct {
	data   []byte
	until  time.Time     // when the first of them is given up
	landed chan struct{} // closed by send, after err is written
	err    error
}

// mark tells that an event is durable. It comes behind the event: a crash in between has the
// event repeated, not lost. Without its marker, too, the event is durable, and an error would
// have it sent once more for certain.
func (m *markers) mark(ctx context.Context, p bus.Publication, until time.Time) {
	b := m.add(p, until)
	select {
	case <-b.landed:
	case <-ctx.Done(): // nobody waits for the answer any more
		return
	}
	if b.err != nil {
		m.s.o.Log.Warn("an event was published and its marker was not: other replicas may take it once more", slog.String("topic", p.Topic), slog.Any("error", b.err))
	}
}

func (m *markers) add(p bus.Publication, until time.Time) *bundle {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := len(m.queue) - 1
	if last < 0 || len(m.queue[last].data) > bundleBytes {
		m.queue = append(m.queue, &bundle{data: []byte{markerFormat}, until: until, landed: make(chan struct{})})
		last++
	}
	b := m.queue[last]
	b.data = appendMarker(b.data, p)
	if m.flying < bundlesAtOnce {
		m.flying++
		go m.send()
	}
	return b
}

// send writes bundles until none waits.
func (m *markers) send() {
	for b := m.take(); b != nil; b = m.take() {
		_, _, _, b.err = m.s.write(context.Background(), m.s.names.seen, b.until, func(out *outgoing) { out.rec = kgo.Record{Value: b.data} })
		close(b.landed)
	}
}

func (m *markers) take() *bundle {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		m.flying--
		return nil
	}
	b := m.queue[0]
	m.queue = m.queue[1:]
	return b
}

// A record of markers is one byte of format and, for each, topic, source, id and intake's own
// mark behind their lengths. Format 1 had no mark.
const (
	markerFormat     = 2
	markerFormatBare = 1
)

func appendMarker(dst []byte, p bus.Publication) []byte {
	for _, part := range [...]string{p.Topic, p.Source, p.ID, p.Mark} {
		dst = binary.AppendUvarint(dst, uint64(len(part)))
		dst = append(dst, part...)
	}
	return dst
}

// readMarkers hands over the markers of a record. What is none, or of a newer version, is left
// out: it costs a repeat at most.
func readMarkers(data []byte, each func(bus.Publication) error) error {
	if len(data) == 0 {
		return nil
	}
	fields := 4
	switch data[0] {
	case markerFormat:
	case markerFormatBare:
		fields = 3
	default:
		return nil
	}
	for data = data[1:]; len(data) > 0; {
		var parts [4]string
		for i := range fields {
			n, size := binary.Uvarint(data)
			if size <= 0 || n > uint64(len(data)-size) {
				return nil
			}
			parts[i], data = string(data[size:size+int(n)]), data[size+int(n):]
		}
		if err := each(bus.Publication{Topic: parts[0], Source: parts[1], ID: parts[2], Mark: parts[3]}); err != nil {
			return err
		}
	}
	return nil
}
