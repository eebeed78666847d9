package publish

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
	// namesMost is how much source and id may take in a marker, which many events share a record
	// with. An event of longer ones is known by its mark alone.
	namesMost = 8 << 10
	// gather is how long words wait for others where some are on their way: those have to
	// land in order, and may take as long as brokers take to agree on who is left.
	gather = 20 * time.Millisecond
	// anywhere is where records go whose place is the client library's to choose.
	anywhere int32 = -1
)

// markers tell all processes which events of intake are durable, and which may be (word.go).
// Many go in one record: while some are on their way, the next ones gather.
type markers struct {
	s *Publisher

	mu    sync.Mutex
	lanes map[int32]*lane // by partition; what is durable may go anywhere
}

// A lane is what goes to one partition, in order, or anywhere in none.
type lane struct {
	format byte
	queue  []*bundle // that wait to be sent, the last one still open
	flying int
	most   int  // at once; 0: as many as there are, none sooner than gather after the last
	timed  bool // one will be sent then
}

// A bundle is what goes together.
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
	if len(p.Source)+len(p.ID) > namesMost {
		p.Source, p.ID = "", ""
	}
	b := m.add(anywhere, until, func(dst []byte) []byte { return appendMarker(dst, p) })
	select {
	case <-b.landed:
	case <-ctx.Done(): // nobody waits for the answer any more
		return
	}
	if b.err != nil {
		m.s.o.Log.Warn("an event was published and its marker was not: other replicas may take it once more", slog.String("topic", p.Topic), slog.Any("error", b.err))
	}
}

// say tells a word to one partition.
func (m *markers) say(n int32, w word) *bundle {
	return m.add(n, m.s.Patience(), func(dst []byte) []byte { return appendWord(dst, w) })
}

// spread tells a word to every partition: some may have no leader just now.
func (m *markers) spread(w word) []*bundle {
	all := make([]*bundle, m.partitions())
	for n := range all {
		all[n] = m.say(int32(n), w)
	}
	return all
}

// partitions is how many the topic of markers has.
func (m *markers) partitions() int {
	if t := m.s.cluster.Cached(m.s.o.Seen, time.Time{}); t != nil {
		return max(len(t.Partitions), 1)
	}
	return m.s.o.SeenPartitions
}

func (m *markers) add(n int32, until time.Time, put func(dst []byte) []byte) *bundle {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lane(n)
	last := len(l.queue) - 1
	if last < 0 || len(l.queue[last].data) > bundleBytes {
		l.queue = append(l.queue, &bundle{data: []byte{l.format}, until: until, landed: make(chan struct{})})
		last++
	}
	b := l.queue[last]
	b.data = put(b.data)
	switch {
	case l.flying == 0 || l.flying < l.most:
		l.flying++
		go m.send(n, l)
	case l.most == 0 && !l.timed:
		l.timed = true
		time.AfterFunc(gather, func() { m.flush(n, l) })
	}
	return b
}

// flush sends what waits behind others that are on their way.
func (m *markers) flush(n int32, l *lane) {
	m.mu.Lock()
	l.timed = false
	l.flying++
	m.mu.Unlock()
	m.send(n, l)
}

func (m *markers) lane(n int32) *lane {
	l := m.lanes[n]
	if l == nil {
		l = &lane{format: wordsFormat}
		if n == anywhere {
			l.format, l.most = markerFormat, bundlesAtOnce
		}
		if m.lanes == nil {
			m.lanes = map[int32]*lane{}
		}
		m.lanes[n] = l
	}
	return l
}

// send writes bundles until none waits.
func (m *markers) send(n int32, l *lane) {
	for b := m.take(l); b != nil; b = m.take(l) {
		_, _, _, b.err = m.s.Write(context.Background(), Writing{Topic: m.s.o.Seen, Until: b.until, Fill: func(out *Outgoing) {
			out.Record = kgo.Record{Partition: n, Value: b.data}
		}})
		close(b.landed)
	}
}

func (m *markers) take(l *lane) *bundle {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(l.queue) == 0 {
		l.flying--
		return nil
	}
	b := l.queue[0]
	l.queue = l.queue[1:]
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
		dst = appendText(dst, part)
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
