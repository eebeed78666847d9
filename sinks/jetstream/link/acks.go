package link

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
)

// SweepEvery is how often whoever has a link should sweep.
const SweepEvery = 250 * time.Millisecond

// Tries is how often a message that may be sent again is, in about Options.PublishTimeout.
const Tries = 4

// maxInFlight bounds the publishes that wait for their acknowledgement; more wait their turn.
const maxInFlight = 4096

// acks sends messages and brings each its acknowledgement. All of them come to one inbox: the
// last token of the reply subject is a ticket, so an acknowledgement that is late for one turn of
// a slot is not taken for the next one's.
type acks struct {
	by      carrier
	inbox   string // with the last dot
	watched bool   // others read what is published, and where it is to be acknowledged
	disk    Syncer // nil: an acknowledgement is all that is waited for
	slots   []slot
	maxWait int    // in sweeps
	maxTry  int    // of a message that is sent again, in sweeps
	stream  string // that acknowledged last; receive alone uses it, so that naming it costs nothing

	turns chan struct{} // one token for each slot in use; send puts and takes
	mu    sync.Mutex
	free  []*slot // the one used last on top: the server remembers few reply subjects
}

// A carrier takes messages to the server. It hands over what comes to the inbox.
type carrier interface {
	// publish returns once the message is on its way, or with an error when that takes too long.
	publish(ctx context.Context, m *Message, reply string) error
	close() error
}

// arrived is told of an acknowledgement. Its data is somebody else's once it returns.
type arrived func(t ticket, data []byte)

// A Syncer makes durable what was acknowledged.
type Syncer interface {
	// Join has w told of the end of a sync that begins after the call. False: there is nothing
	// to wait for, or nobody to wait for it.
	Join(w Waiter, turn uint64) bool
}

// A Waiter has joined a sync, and is told of its end by the same turn. It must return at once.
type Waiter interface {
	Synced(turn uint64, err error)
}

// An Ack is what the server said, or err.
type Ack struct {
	Stream   string
	Domain   string
	Seq      uint64
	Repeated bool
	Retried  bool // it was sent before without an answer, and what it repeats may be that
	Synced   bool // since it was acknowledged
	err      error
}

// plain reports an acknowledgement of what was stored now.
func (a *Ack) plain() bool { return a.err == nil && !a.Repeated }

type slot struct {
	number int
	done   chan struct{} // finish sends once a turn; send receives

	mu      sync.Mutex
	turn    uint64
	reply   string
	waiting bool
	syncs   bool // a sync is to be waited for, too
	stored  bool // ack has come, and the sync has not
	sweeps  int
	maxWait int // for ack, in sweeps
	ack     Ack
}

func newAcks(nc *nats.Conn, o Options) (*acks, error) {
	a := &acks{
		inbox: NewInbox(nc) + ".", watched: o.Watched, disk: o.Disk,
		maxWait: int(o.PublishTimeout/SweepEvery) + 1,
		maxTry:  max(1, int(o.PublishTimeout/Tries/SweepEvery)),
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
	if o.Process != nil {
		a.by, err = newWire(*o.Process, a.inbox, a.receive, func() { a.fail(errLost) })
	} else {
		a.by, err = newLibrary(nc, a.inbox, a.receive)
	}
	return a, err
}

// Send publishes m, calls sent unless it is nil, and returns the acknowledgement. Nothing of m is
// kept.
func (a *acks) Send(ctx context.Context, m *Message, sent func()) (Ack, error) {
	s, err := a.acquire(ctx)
	if err != nil {
		return Ack{}, err
	}
	defer a.release(s)
	s.mu.Lock()
	s.waiting, s.syncs, s.stored, s.sweeps, s.maxWait = true, m.Synced && a.disk != nil, false, 0, a.maxWait
	if m.Again {
		s.maxWait = a.maxTry
	}
	reply := s.reply
	s.mu.Unlock()
	if err := a.by.publish(ctx, m, reply); err != nil {
		a.giveUp(s)
		return Ack{}, err
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

// A ticket is where an acknowledgement belongs: a slot, and its turn.
type ticket struct {
	slot int
	turn uint64
}

// readTicket reads what next writes behind the inbox.
func readTicket[T string | []byte](token T) (t ticket, ok bool) {
	i := 0
	for ; i < len(token) && token[i] != '-'; i++ {
		if token[i] < '0' || token[i] > '9' || t.slot >= maxInFlight {
			return ticket{}, false
		}
		t.slot = 10*t.slot + int(token[i]-'0')
	}
	if i == 0 || t.slot >= maxInFlight || i+1 >= len(token) || len(token)-i > len("-18446744073709551615") {
		return ticket{}, false
	}
	for i++; i < len(token); i++ {
		if token[i] < '0' || token[i] > '9' {
			return ticket{}, false
		}
		t.turn = 10*t.turn + uint64(token[i]-'0')
	}
	return t, true
}

func (a *acks) receive(t ticket, data []byte) {
	s := &a.slots[t.slot]
	got := a.read(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting || s.stored || s.turn != t.turn {
		return
	}
	if s.syncs && got.plain() && a.disk.Join(s, t.turn) {
		s.ack, s.stored = got, true
		return
	}
	s.finish(got)
}

// Synced implements Waiter: what was stored is on the disk, or err says why not.
func (s *slot) Synced(turn uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting || !s.stored || s.turn != turn {
		return // given up meanwhile
	}
	got := s.ack
	got.Synced, got.err = true, Unavailable(err)
	s.finish(got)
}

func (s *slot) finish(a Ack) {
	s.waiting, s.stored = false, false
	s.ack = a
	s.done <- struct{}{}
}

// Sweep fails what has waited too long for an acknowledgement, and with trouble all that waits
// for one. A sync has an end of its own.
func (a *acks) Sweep(trouble error) {
	late := trouble
	if late == nil {
		late = ErrNoAck
	}
	for i := range a.slots {
		s := &a.slots[i]
		s.mu.Lock()
		s.sweeps++
		if s.waiting && !s.stored && (trouble != nil || s.sweeps > s.maxWait) {
			a.next(s)
			s.finish(Ack{err: late})
		}
		s.mu.Unlock()
	}
}

// fail ends all that waits.
func (a *acks) fail(err error) { a.Sweep(err) }

func (a *acks) close() error {
	err := a.by.close()
	a.fail(errLost)
	return err
}

var (
	ErrNoAck   = fmt.Errorf("%w: no acknowledgement in time", bus.ErrUnavailable)
	ErrNoOwner = fmt.Errorf("%w: no stream takes the subject, or it has no leader", bus.ErrUnavailable)
)

// read reads a publish acknowledgement. The form that nearly all have is read by hand.
func (a *acks) read(data []byte) Ack {
	if len(data) == 0 {
		return Ack{err: ErrNoOwner} // status 503: no responders
	}
	if stream, seq, ok := plainAck(data); ok {
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
	switch err := json.Unmarshal(data, &full); {
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
