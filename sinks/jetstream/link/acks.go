package link

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
)

// SweepEvery is how often whoever has a link should sweep.
const SweepEvery = 250 * time.Millisecond

// maxInFlight bounds the publishes that wait for their acknowledgement; more wait their turn.
const maxInFlight = 4096

// acks sends messages and brings each its acknowledgement. All of them come to one
// subscription: the last token of the reply subject names a slot and its turn, so an
// acknowledgement that is late for one turn is not taken for the next one's.
type acks struct {
	nc      *nats.Conn
	sub     *nats.Subscription
	inbox   string // with the last dot
	watched bool   // others read what is published, and where it is to be acknowledged
	slots   []slot
	maxWait int    // in sweeps
	stream  string // that acknowledged last; receive alone uses it, so that naming it costs nothing

	turns chan struct{} // one token for each slot in use; send puts and takes
	mu    sync.Mutex
	free  []*slot // the one used last on top: the server remembers few reply subjects
}

// An Ack is what the server said, or err.
type Ack struct {
	Stream   string
	Domain   string
	Seq      uint64
	Repeated bool
	err      error
}

type slot struct {
	number int
	done   chan struct{} // finish sends once a turn; send receives

	mu      sync.Mutex
	turn    uint64
	reply   string
	waiting bool
	sweeps  int
	ack     Ack
}

func newAcks(nc *nats.Conn, timeout time.Duration, watched bool) (*acks, error) {
	a := &acks{
		nc: nc, inbox: NewInbox(nc) + ".", watched: watched,
		maxWait: int(timeout/SweepEvery) + 1,
		slots:   make([]slot, maxInFlight), free: make([]*slot, maxInFlight),
		turns: make(chan struct{}, maxInFlight),
	}
	for i := range a.slots {
		s := &a.slots[i]
		s.number, s.done = i, make(chan struct{}, 1)
		a.next(s)
		a.free[i] = s
	}
	var err error
	if a.sub, err = nc.Subscribe(a.inbox+"*", a.receive); err != nil {
		return nil, fmt.Errorf("subscribe to acknowledgements: %w", Unavailable(err))
	}
	if err := a.sub.SetPendingLimits(-1, -1); err != nil {
		return nil, fmt.Errorf("subscribe to acknowledgements: %w", err)
	}
	return a, nil
}

// Send publishes m, calls sent unless it is nil, and returns the acknowledgement. m's Reply is
// overwritten; nothing of m is kept.
func (a *acks) Send(ctx context.Context, m *nats.Msg, sent func()) (Ack, error) {
	s, err := a.acquire(ctx)
	if err != nil {
		return Ack{}, err
	}
	defer a.release(s)
	s.mu.Lock()
	s.waiting, s.sweeps = true, 0
	m.Reply = s.reply
	s.mu.Unlock()
	if err := a.nc.PublishMsg(m); err != nil {
		a.giveUp(s)
		return Ack{}, Unavailable(err)
	}
	if sent != nil {
		sent() // one connection: the server takes messages in this order
	}
	select {
	case <-s.done:
		return s.ack, s.ack.err
	case <-ctx.Done():
		if a.giveUp(s) {
			return s.ack, s.ack.err
		}
		return Ack{}, context.Cause(ctx)
	}
}

// acquire takes a free slot and waits for one when all are in use.
func (a *acks) acquire(ctx context.Context) (*slot, error) {
	select {
	case a.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	last := len(a.free) - 1
	s := a.free[last]
	a.free = a.free[:last]
	return s, nil
}

func (a *acks) release(s *slot) {
	if a.watched {
		s.mu.Lock()
		a.next(s)
		s.mu.Unlock()
	}
	a.mu.Lock()
	a.free = append(a.free, s)
	a.mu.Unlock()
	<-a.turns
}

// giveUp ends a turn without an answer. It reports true when the answer had come.
func (a *acks) giveUp(s *slot) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting {
		<-s.done
		return true
	}
	s.waiting = false
	a.next(s)
	return false
}

// next begins a slot's next turn. After an answer the reply subject can serve again, unless
// others have seen it.
func (a *acks) next(s *slot) {
	s.turn++
	if a.watched {
		s.turn = unguessable()
	}
	s.reply = a.inbox + strconv.Itoa(s.number) + "-" + strconv.FormatUint(s.turn, 10)
}

func unguessable() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.LittleEndian.Uint64(b[:])
}

func (a *acks) receive(m *nats.Msg) {
	number, turn, ok := strings.Cut(m.Subject[len(a.inbox):], "-")
	if !ok {
		return
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(a.slots) {
		return
	}
	n, err := strconv.ParseUint(turn, 10, 64)
	if err != nil {
		return
	}
	s := &a.slots[i]
	got := a.read(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting && s.turn == n {
		s.finish(got)
	}
}

func (s *slot) finish(a Ack) {
	s.waiting = false
	s.ack = a
	s.done <- struct{}{}
}

// Sweep fails what has waited too long, and with trouble all that waits.
func (a *acks) Sweep(trouble error) {
	late := trouble
	if late == nil {
		late = ErrNoAck
	}
	for i := range a.slots {
		s := &a.slots[i]
		s.mu.Lock()
		s.sweeps++
		if s.waiting && (trouble != nil || s.sweeps > a.maxWait) {
			a.next(s)
			s.finish(Ack{err: late})
		}
		s.mu.Unlock()
	}
}

// fail ends all that waits.
func (a *acks) fail(err error) { a.Sweep(err) }

func (a *acks) close() error {
	err := a.sub.Unsubscribe()
	a.fail(errLost)
	if err != nil && !a.nc.IsClosed() {
		return fmt.Errorf("end the subscription to acknowledgements: %w", err)
	}
	return nil
}

var (
	ErrNoAck   = fmt.Errorf("%w: no acknowledgement in time", bus.ErrUnavailable)
	ErrNoOwner = fmt.Errorf("%w: no stream takes the subject, or it has no leader", bus.ErrUnavailable)
)

// read reads a publish acknowledgement. The form that nearly all have is read by hand.
func (a *acks) read(m *nats.Msg) Ack {
	if len(m.Data) == 0 {
		return Ack{err: ErrNoOwner} // status 503: no responders
	}
	if stream, seq, ok := plainAck(m.Data); ok {
		if string(stream) != a.stream {
			a.stream = string(stream)
		}
		return Ack{Stream: a.stream, Seq: seq}
	}
	var full struct {
		Stream    string    `json:"stream"`
		Seq       uint64    `json:"seq"`
		Domain    string    `json:"domain"`
		Duplicate bool      `json:"duplicate"`
		Error     *APIError `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &full); {
	case err != nil:
		return Ack{err: fmt.Errorf("%w: read an acknowledgement: %w", bus.ErrUnavailable, err)}
	case full.Error != nil:
		return Ack{err: full.Error}
	}
	return Ack{Stream: full.Stream, Domain: full.Domain, Seq: full.Seq, Repeated: full.Duplicate}
}

// plainAck reads {"stream":"S","seq":N}.
func plainAck(data []byte) (stream []byte, seq uint64, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"stream":"`))
	if !ok {
		return nil, 0, false
	}
	stream, rest, ok = bytes.Cut(rest, []byte(`"`))
	if !ok || bytes.ContainsFunc(stream, func(r rune) bool { return r == '\\' || r <= ' ' || r > '~' }) {
		return nil, 0, false
	}
	rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, ", "), []byte(`"seq":`))
	if !ok || len(rest) < 2 || rest[len(rest)-1] != '}' {
		return nil, 0, false
	}
	for _, c := range bytes.TrimLeft(rest[:len(rest)-1], " ") {
		if c < '0' || c > '9' {
			return nil, 0, false
		}
		seq = seq*10 + uint64(c-'0')
	}
	return stream, seq, true
}
