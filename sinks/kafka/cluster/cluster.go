package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// RequestTimeout bounds a request, and all attempts at one, whose context has no deadline.
	RequestTimeout = 5 * time.Second
	// BrokerTimeout is how long a broker may be silent beyond what a request allows it. A
	// partition whose leader hangs is without one for us until then.
	BrokerTimeout = 3 * time.Second
)

// A Cluster is our clients and what they have learnt of the topics. Requests that a broker holds
// back until there is something to say block whatever is behind them on a connection, so the
// tail has a client of its own.
type Cluster struct {
	Access  Access
	Options []kgo.Opt // which all clients have in common
	Client  *kgo.Client
	Admin   *kadm.Client
	tail    *tail

	closed chan struct{} // closed by Close
	ask    chan struct{} // one slot, taken by whoever asks for metadata

	mu     sync.Mutex
	topics map[string]*Topic // as last asked
}

func Connect(o Access, producing ...kgo.Opt) (*Cluster, error) {
	base, err := o.Options()
	if err != nil {
		return nil, err
	}
	c := &Cluster{Access: o, Options: base, closed: make(chan struct{}), ask: make(chan struct{}, 1), topics: map[string]*Topic{}}
	if c.Client, err = kgo.NewClient(append(producing, base...)...); err != nil {
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	c.Admin = kadm.NewClient(c.Client)
	waiting, err := kgo.NewClient(base...)
	if err != nil {
		c.Client.Close()
		return nil, fmt.Errorf("open the bus: %w", err)
	}
	c.tail = newTail(waiting)
	return c, nil
}

// Done is closed by Close.
func (c *Cluster) Done() <-chan struct{} { return c.closed }

// Close ends all that goes on. It may be called again.
func (c *Cluster) Close() {
	c.mu.Lock()
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	c.mu.Unlock()
	c.tail.close()
	c.Client.Close()
}

// to sends a request to one broker and waits for the answer. When ctx ends only the waiting
// does: taking a request back would cost the connection that others use, too.
func (c *Cluster) to(ctx context.Context, node int32, req kmsg.Request) (kmsg.Response, error) {
	type answer struct {
		resp kmsg.Response
		err  error
	}
	came := make(chan answer, 1) // the request sends; nobody closes
	go func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), RequestTimeout)
		defer cancel()
		resp, err := c.Client.Broker(int(node)).RetriableRequest(bounded, req)
		came <- answer{resp, err}
	}()
	select {
	case a := <-came:
		return a.resp, Unavailable(a.err)
	case <-ctx.Done():
		return nil, Ended(ctx)
	}
}
