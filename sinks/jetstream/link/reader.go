package link

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	// requestMessages and requestBytes bound what one request brings, and so what a reader
	// holds in memory, and the embedded server for it once more.
	requestMessages = 2048
	requestBytes    = 2 << 20
	// requestExpiry is how long a request waits for messages before it is made anew.
	requestExpiry = 30 * time.Second
	// heartbeat is how often a server says that it is there while it has no messages, and
	// silences how many of them may be missing before the reading begins anew elsewhere.
	heartbeat = 250 * time.Millisecond
	silences  = 3
	// hearAgain is after how long a consumer that no server has heard of yet is asked again.
	hearAgain = 20 * time.Millisecond
	// forgotten is when the server drops the consumer of a reader that died.
	forgotten = time.Minute
	// batchMessages is the most that is handed over at once.
	batchMessages = 512
	// lookAgain is how often at most a stream's leader is asked whether nothing is left.
	lookAgain = 50 * time.Millisecond
)

// ReaderPrefix begins the names of the consumers that are read through.
const ReaderPrefix = "hookspan-"

// headerPending is set on a status that ends a request whose consumer lives on: how many messages
// it might still have brought.
const headerPending = "Nats-Pending-Messages"

// noResponders is the status of a request that nobody heard.
const noResponders = 503

// deleted describes the status with which a request ends whose consumer somebody has deleted, not one
// that only moves to another server or goes with it.
const deleted = "Consumer Deleted"

// errBroken: the reader lost its consumer or a message; another one may go on behind the last
// message that came.
var errBroken = fmt.Errorf("%w: the reader was cut off", bus.ErrUnavailable)

// A reader reads a stream in order, without acknowledging, through a consumer of its own. It
// has one request on the way at a time, so whatever it is sent fits its channel. In a cluster
// the consumer may sit with a copy of the stream that lags behind; so whether nothing is left
// is asked from the stream's leader. It is not safe for concurrent use.
type reader struct {
	l         *Link
	reading   Reading
	want      jetstream.ConsumerConfig // what the consumer was made with
	consumer  string
	cluster   bool   // there may be other copies of the stream
	subject   string // of requests
	request   []byte
	sub       *nats.Subscription
	came      chan *nats.Msg // nats.go sends; batch receives; never closed
	lost      <-chan struct{}
	nth       uint64    // of the last message
	next      uint64    // sequence: everything in front of it has come
	left      int       // what the request may still bring
	pending   uint64    // what the consumer had left behind the last message
	caughtUp  bool      // nothing was left, and batch has said so
	looked    time.Time // when the leader was asked last
	checked   time.Time // when it was last held against what it was made as
	gap       time.Time // when the leader was last asked about messages that did not come
	ahead     uint64    // sequence of a message that was there then and had not come; 0: none
	silence   *time.Timer
	heard     bool // the consumer has answered
	unheard   int  // requests in a row that it did not hear
	delivered []Delivered
}

type Delivered struct {
	Meta
	Msg *nats.Msg
}

// Reading is what to read.
type Reading struct {
	Stream      string
	Filters     []string
	From        uint64 // sequence; at least 1
	HeadersOnly bool
}

func (l *Link) Read(ctx context.Context, what Reading) (*reader, error) {
	what.From = max(what.From, 1)
	r := &reader{l: l, reading: what, next: what.From, lost: l.loss(), checked: time.Now(), came: make(chan *nats.Msg, requestMessages+64)}
	r.want = jetstream.ConsumerConfig{
		Name:              ReaderPrefix + rand.Text(), // what is asked for again is the same one
		AckPolicy:         jetstream.AckNonePolicy,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       what.From,
		FilterSubjects:    what.Filters,
		HeadersOnly:       what.HeadersOnly,
		InactiveThreshold: forgotten,
		MemoryStorage:     true,
		Replicas:          1,
	}
	c, err := l.createConsumer(ctx, what.Stream, r.want)
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", what.Stream, err)
	}
	info := c.CachedInfo()
	if err := asked(r.want, info); err != nil {
		return nil, fmt.Errorf("read stream %s: %w", what.Stream, err)
	}
	r.consumer, r.pending, r.cluster = info.Name, info.NumPending, Clustered(info.Cluster)
	r.subject = l.Prefix + ".CONSUMER.MSG.NEXT." + what.Stream + "." + info.Name
	r.request, err = json.Marshal(struct {
		Batch     int           `json:"batch"`
		MaxBytes  int64         `json:"max_bytes"`
		Expires   time.Duration `json:"expires"`
		Heartbeat time.Duration `json:"idle_heartbeat"`
	}{requestMessages, max(requestBytes, 2*l.NC.MaxPayload()), requestExpiry, heartbeat})
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", what.Stream, err)
	}
	if r.sub, err = l.NC.ChanSubscribe(NewInbox(l.NC), r.came); err != nil {
		return nil, fmt.Errorf("read stream %s: %w", what.Stream, Unavailable(err))
	}
	r.silence = time.NewTimer(silences * heartbeat)
	return r, nil
}

// createConsumer asks again, as request does, when the servers' leader did not answer.
func (l *Link) createConsumer(ctx context.Context, stream string, conf jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	ctx, done := l.Permitted(ctx, l.Prefix+".CONSUMER.CREATE."+stream)
	defer done()
	for patience := 2 * firstAnswer; ; patience *= 2 {
		once, cancel := context.WithTimeout(ctx, patience)
		c, err := l.JS.CreateConsumer(once, stream, conf)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return c, Unavailable(Why(ctx, err))
		}
	}
}

// Close ends the reading. The consumer is removed if that goes quickly; else the server
// forgets it.
func (r *reader) Close() {
	r.silence.Stop()
	_ = r.sub.Unsubscribe()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if !isClosed(r.lost) {
		_ = r.l.JS.DeleteConsumer(ctx, r.reading.Stream, r.consumer)
	}
}

// Batch waits for messages and returns what is there; none and no error when nothing is left
// behind what it returned before, once each time that happens. A batch is valid until the
// next call.
func (r *reader) Batch(ctx context.Context) ([]Delivered, error) {
	r.delivered = r.delivered[:0]
	r.silence.Reset(silences * heartbeat)
	for len(r.delivered) < batchMessages {
		if len(r.delivered) == 0 && r.pending == 0 && !r.caughtUp {
			var err error
			if r.caughtUp, err = r.over(ctx); r.caughtUp || err != nil {
				return nil, err
			}
		}
		if r.left == 0 {
			if err := r.check(ctx); err != nil {
				return nil, err
			}
			if err := r.ask(); err != nil {
				return nil, err
			}
		}
		m, err := r.take(ctx)
		if err != nil {
			return nil, err
		}
		if m == nil {
			if len(r.delivered) > 0 {
				break
			}
			continue // time to look again
		}
		if err := r.accept(ctx, m); err != nil {
			return nil, err
		}
	}
	return r.delivered, nil
}

// over reports whether nothing is left behind what has come, when the consumer knows of nothing.
func (r *reader) over(ctx context.Context) (bool, error) {
	switch {
	case !r.cluster:
		return true, nil
	case time.Since(r.looked) < lookAgain:
		return false, nil
	}
	r.looked = time.Now()
	filters := r.reading.Filters
	if len(filters) == 0 {
		filters = []string{">"}
	}
	for _, filter := range filters {
		if _, err := r.l.Get(ctx, r.reading.Stream, Which{Seq: r.next, Next: filter}); !errors.Is(err, bus.ErrGone) {
			return false, err
		}
	}
	return true, nil
}

func (r *reader) ask() error {
	r.left = requestMessages
	return Unavailable(r.l.NC.PublishRequest(r.subject, r.sub.Subject, r.request))
}

// take returns the next message that is there, nil when there is none but a batch to hand
// over, or a leader to ask; with neither it waits.
func (r *reader) take(ctx context.Context) (*nats.Msg, error) {
	select {
	case m := <-r.came:
		return m, nil
	default:
	}
	if len(r.delivered) > 0 {
		return nil, nil
	}
	var look <-chan time.Time
	if r.pending == 0 && !r.caughtUp {
		look = time.After(lookAgain)
	}
	select {
	case m := <-r.came:
		r.silence.Reset(silences * heartbeat)
		return m, nil
	case <-look:
		return nil, nil
	case <-r.silence.C:
		return nil, fmt.Errorf("%w: no heartbeat", errBroken)
	case <-r.lost:
		return nil, errLost
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (r *reader) accept(ctx context.Context, m *nats.Msg) error {
	if m.Reply == "" {
		return r.status(ctx, m)
	}
	got, ok := readMeta(m.Reply)
	if !ok || got.nth != r.nth+1 {
		return fmt.Errorf("%w: message %d came after %d", errBroken, got.nth, r.nth)
	}
	r.nth, r.pending, r.heard = got.nth, got.pending, true
	r.left--
	if err := r.whole(ctx, got, m); err != nil {
		return err
	}
	if got.Seq < r.next { // a copy that lags behind begins in front of where it was told to
		return nil
	}
	r.next, r.caughtUp, r.ahead = got.Seq+1, false, 0
	r.delivered = append(r.delivered, Delivered{got, m})
	return nil
}

// status reads a message of the server about the request (NATS ADR-13).
func (r *reader) status(ctx context.Context, m *nats.Msg) error {
	code, err := strconv.Atoi(m.Header.Get("Status"))
	if err != nil {
		return nil // a message to our inbox that is nothing of ours
	}
	r.heard = r.heard || code != noResponders
	switch code {
	case noResponders:
		// The server that we are at may hear later of a consumer than those that made it.
		if r.unheard++; !r.heard && r.unheard*int(hearAgain) <= silences*int(heartbeat) {
			r.left = 0
			return r.wait(ctx, hearAgain)
		}
	case 100: // heartbeat
		return r.stalled(ctx)
	case 404, 408: // the request ended for want of messages
		r.left = 0
		return r.look(ctx)
	case 409:
		// The request is full, or full by bytes, or the consumer or the server is about to go. It is
		// known already that it is full, and the next one may be on its way.
		switch pending := m.Header.Get(headerPending); {
		case pending == "0":
			return nil
		case pending != "" && r.left < requestMessages:
			r.left = 0
			return nil
		}
		if m.Header.Get("Description") == deleted {
			return fmt.Errorf("%w: consumer %s of stream %s", readerDeleted, r.consumer, r.reading.Stream)
		}
	}
	return fmt.Errorf("%w: status %d %s", errBroken, code, m.Header.Get("Description"))
}

func (r *reader) wait(ctx context.Context, how time.Duration) error {
	select {
	case <-time.After(how):
		return nil
	case <-r.lost:
		return errLost
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// look asks how much is left: the numbers that come with messages miss what was deleted since.
func (r *reader) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	c, err := r.l.JS.Consumer(ctx, r.reading.Stream, r.consumer)
	if err != nil {
		return errors.Join(errBroken, err)
	}
	r.pending = c.CachedInfo().NumPending
	return asked(r.want, c.CachedInfo())
}
