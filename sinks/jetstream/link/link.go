package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	// RequestTimeout bounds a request to the JetStream API.
	RequestTimeout = 5 * time.Second
	firstAnswer    = 200 * time.Millisecond
	// changeTimeout bounds one that changes a stream, for which a slow disk may take its time.
	changeTimeout = 30 * time.Second
	firstChange   = 3 * time.Second
)

// A Link is one connection with what we keep for it.
type Link struct {
	NC     *nats.Conn
	JS     jetstream.JetStream
	Prefix string // of the JetStream API
	Acks   *acks  // nil where nothing is published

	status  chan nats.Status // nats.go sends and closes
	running sync.WaitGroup

	unlisten func()

	mu     sync.Mutex
	lost   chan struct{} // closed when the connection that was up at the time is lost
	rights rights
}

// Options say how the JetStream API is reached, and whether this link publishes.
type Options struct {
	APIPrefix, Domain string // one of both, or none
	PublishTimeout    time.Duration
	Publishes         bool
	Watched           bool     // others read what is published, and where it is to be acknowledged
	Process           *Process // where the server is in this one; nil: through the connection
	Disk              Syncer   // of the server, where it is ours; nil elsewhere
}

func New(nc *nats.Conn, o Options) (*Link, error) {
	if nc == nil {
		return nil, errors.New("open the bus: Conns.Events is missing")
	}
	l := &Link{NC: nc, Prefix: "$JS.API", lost: make(chan struct{})}
	l.rights = rights{waiting: map[*waiter]struct{}{}, missing: map[string]error{}}
	var err error
	switch {
	case o.Domain != "":
		l.Prefix = "$JS." + o.Domain + ".API"
		l.JS, err = jetstream.NewWithDomain(nc, o.Domain)
	case o.APIPrefix != "":
		l.Prefix = strings.TrimSuffix(o.APIPrefix, ".")
		l.JS, err = jetstream.NewWithAPIPrefix(nc, o.APIPrefix)
	default:
		l.JS, err = jetstream.New(nc)
	}
	if err != nil {
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	if o.Publishes {
		if l.Acks, err = newAcks(nc, o); err != nil {
			return nil, err
		}
	}
	l.status = nc.StatusChanged(nats.CONNECTED, nats.RECONNECTING, nats.CLOSED)
	l.unlisten = l.listen()
	l.running.Go(l.watch)
	return l, nil
}

// watch tells readers and publishers when the connection is lost: what was on the way then
// will get no answer.
func (l *Link) watch() {
	for status := range l.status {
		l.mu.Lock()
		down := isClosed(l.lost)
		switch {
		case status == nats.CONNECTED && down:
			l.lost = make(chan struct{})
			l.rights.forget()
		case status != nats.CONNECTED && !down:
			close(l.lost)
		}
		l.mu.Unlock()
		if status != nats.CONNECTED && l.Acks != nil {
			l.Acks.fail(errLost)
		}
	}
}

var errLost = fmt.Errorf("%w: the connection was lost", bus.ErrUnavailable)

// loss is closed when the connection as it is now is lost.
func (l *Link) loss() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

func (l *Link) Close() error {
	l.unlisten()
	l.NC.RemoveStatusListener(l.status) // closes it
	l.running.Wait()
	if l.Acks == nil {
		return nil
	}
	return l.Acks.close()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Request asks the JetStream API; answers of type error become errors of the bus. Only a
// leader answers, and what was asked of one that is leaving is lost: it is asked again, sooner
// at first. So it must change nothing.
func (l *Link) Request(ctx context.Context, subject string, ask, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	for patience := firstAnswer; ; patience *= 2 {
		err := l.RequestWithin(ctx, patience, subject, ask, answer)
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
}

func (l *Link) RequestWithin(ctx context.Context, timeout time.Duration, subject string, ask, answer any) error {
	body, err := json.Marshal(ask)
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ctx, done := l.Permitted(ctx, l.Prefix+"."+subject)
	defer done()
	m, err := l.NC.RequestWithContext(ctx, l.Prefix+"."+subject, body)
	if errors.Is(err, nats.ErrNoResponders) {
		return errNoJetStream
	}
	if err != nil {
		return Unavailable(Why(ctx, err))
	}
	failure, err := failureIn(m.Data)
	if err == nil && failure == nil {
		err = json.Unmarshal(m.Data, answer)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: read the answer to %s: %w", bus.ErrUnavailable, subject, err)
	case failure == nil:
		return nil
	case failure.ErrCode == codeStreamNotFound:
		return ErrNoStream
	}
	return failure
}

// failureIn is the error that an answer of the API tells of, nil for none. A stored message may be
// long, so only what has the word in it is parsed for that.
func failureIn(answer []byte) (*APIError, error) {
	if !bytes.Contains(answer, []byte(`"error"`)) {
		return nil, nil
	}
	var failure struct {
		Error *APIError `json:"error"`
	}
	err := json.Unmarshal(answer, &failure)
	return failure.Error, err
}

var errNoJetStream = fmt.Errorf("%w: no server answers for JetStream: it is not enabled for this account, HOOKSPAN_NATS_DOMAIN or HOOKSPAN_NATS_API_PREFIX is another one, or its servers are away", bus.ErrUnavailable)

// stored is a message as its stream's leader has it.
type stored struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Header  []byte    `json:"hdrs"`
	Data    []byte    `json:"data"`
	Time    time.Time `json:"time"`
}

// Which selects a message: by Seq, the next one of a subject from Seq on, or its last one.
type Which struct {
	Seq  uint64 `json:"seq,omitempty"`
	Next string `json:"next_by_subj,omitempty"`
	Last string `json:"last_by_subj,omitempty"`
}

// Get asks a stream's leader for one message; bus.ErrGone when it has none. It is never a
// direct get, which any replica may answer.
func (l *Link) Get(ctx context.Context, stream string, w Which) (stored, error) {
	m, err := l.getOnce(ctx, stream, w)
	if !errors.Is(err, bus.ErrGone) {
		return m, err
	}
	// A leader that was cut off from the others may miss what they have stored since.
	info, infoErr := l.Info(ctx, stream)
	switch {
	case infoErr != nil:
		return stored{}, infoErr
	case info.Cluster == nil || len(info.Cluster.Replicas) == 0:
		return m, err
	}
	return l.getOnce(ctx, stream, w)
}

func (l *Link) getOnce(ctx context.Context, stream string, w Which) (stored, error) {
	var answer struct {
		Message stored `json:"message"`
	}
	if err := l.Request(ctx, "STREAM.MSG.GET."+stream, w, &answer); err != nil {
		return stored{}, fmt.Errorf("get from stream %s: %w", stream, err)
	}
	return answer.Message, nil
}

// Info asks a stream's leader for its configuration and state. It believes a leader alone.
func (l *Link) Info(ctx context.Context, stream string) (*jetstream.StreamInfo, error) {
	var answer jetstream.StreamInfo
	err := l.Request(ctx, "STREAM.INFO."+stream, struct{}{}, &answer)
	if err == nil {
		err = led(answer.Cluster)
	}
	if err != nil {
		return nil, fmt.Errorf("ask for stream %s: %w", stream, err)
	}
	return &answer, nil
}

// Names lists the streams whose subjects meet the pattern.
func (l *Link) Names(ctx context.Context, pattern string) ([]string, error) {
	var names []string
	for {
		ask := struct {
			Subject string `json:"subject"`
			Offset  int    `json:"offset"`
		}{pattern, len(names)}
		var answer struct {
			Total   int      `json:"total"`
			Streams []string `json:"streams"`
		}
		if err := l.Request(ctx, "STREAM.NAMES", ask, &answer); err != nil {
			return nil, fmt.Errorf("look for streams that hold %s: %w", pattern, err)
		}
		names = append(names, answer.Streams...)
		if len(answer.Streams) == 0 || len(names) >= answer.Total {
			return names, nil
		}
	}
}

// Streams lists all of them.
func (l *Link) Streams(ctx context.Context) ([]*jetstream.StreamInfo, error) {
	var list []*jetstream.StreamInfo
	for {
		ask := struct {
			Offset int `json:"offset"`
		}{len(list)}
		var answer struct {
			Total   int                     `json:"total"`
			Streams []*jetstream.StreamInfo `json:"streams"`
		}
		if err := l.Request(ctx, "STREAM.LIST", ask, &answer); err != nil {
			return nil, fmt.Errorf("list the streams: %w", err)
		}
		list = append(list, answer.Streams...)
		if len(answer.Streams) == 0 || len(list) >= answer.Total {
			return list, nil
		}
	}
}
