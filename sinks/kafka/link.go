package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	// requestTimeout bounds a request, and all attempts at one, whose context has no deadline.
	requestTimeout = 5 * time.Second
	// brokerTimeout is how long a broker may be silent beyond what a request allows it. A
	// partition whose leader hangs is without one for us until then.
	brokerTimeout = 3 * time.Second

	// linger is for how long a record waits for others. With one request to a broker on its
	// way at a time, those of many callers gather without it; measured, it cost a little.
	linger = 0
	// inHand bounds what waits to be sent, in records and bytes; the bytes are the callers'.
	inHandRecords = 1 << 18
	inHandBytes   = 256 << 20
)

// A link is our clients and what they have learnt of the topics. Requests that a broker holds
// back until there is something to say block whatever is behind them on a connection, so the
// tail has a client of its own.
type link struct {
	base []kgo.Opt // how to reach and convince the brokers
	cl   *kgo.Client
	adm  *kadm.Client
	tail *tail

	ask chan struct{} // one slot, taken by whoever asks for metadata

	mu     sync.Mutex
	topics map[string]*topic // as last asked
}

func newLink(o Options, producing ...kgo.Opt) (*link, error) {
	base, err := o.base()
	if err != nil {
		return nil, err
	}
	l := &link{base: base, ask: make(chan struct{}, 1), topics: map[string]*topic{}}
	if l.cl, err = kgo.NewClient(append(producing, base...)...); err != nil {
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	l.adm = kadm.NewClient(l.cl)
	waiting, err := kgo.NewClient(base...)
	if err != nil {
		l.cl.Close()
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	l.tail = newTail(waiting)
	return l, nil
}

// base is what every client of ours has in common.
func (o *Options) base() ([]kgo.Opt, error) {
	if len(o.Brokers) == 0 {
		return nil, errors.New("open the bus: Options.Brokers names no broker")
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(o.Brokers...),
		kgo.ClientID("hookspan"),
		kgo.DialTimeout(brokerTimeout),
		kgo.RequestTimeoutOverhead(brokerTimeout),
		// A leader that moved is found again within a fraction of a second.
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.MetadataMaxAge(30 * time.Second),
		kgo.RetryBackoffFn(func(int) time.Duration { return 100 * time.Millisecond }),
		kgo.DisableClientMetrics(),
	}
	if o.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(o.TLS.Clone()))
	}
	if o.dial != nil {
		opts = append(opts, kgo.Dialer(o.dial))
	}
	if o.SASL != nil {
		mechanism, err := o.SASL.mechanism()
		if err != nil {
			return nil, fmt.Errorf("open the bus: %w", err)
		}
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

func (l *link) close() {
	l.tail.close()
	l.cl.Close()
}

// to sends a request to one broker and waits for the answer. When ctx ends only the waiting
// does: taking a request back would cost the connection that others use, too.
func (l *link) to(ctx context.Context, node int32, req kmsg.Request) (kmsg.Response, error) {
	type answer struct {
		resp kmsg.Response
		err  error
	}
	came := make(chan answer, 1) // the request sends; nobody closes
	go func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
		defer cancel()
		resp, err := l.cl.Broker(int(node)).RetriableRequest(bounded, req)
		came <- answer{resp, err}
	}()
	select {
	case a := <-came:
		return a.resp, unavailable(a.err)
	case <-ctx.Done():
		return nil, ended(ctx)
	}
}

// ended is why a context ended, as an error of the bus unless somebody called it off.
func ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%w: no answer in time: %w", bus.ErrUnavailable, cause)
	}
	return cause
}

// Pauses between attempts while a broker is away.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = 500 * time.Millisecond
)

// again calls do until its answer is another than bus.ErrUnavailable, or time is up.
func (l *link) again(ctx context.Context, do func(ctx context.Context) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := do(ctx)
		if err == nil || !errors.Is(err, bus.ErrUnavailable) || errors.Is(err, kgo.ErrClientClosed) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
				return cause
			}
			return err
		}
	}
}

// bounded gives a context a deadline that has none.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, requestTimeout)
}
