package dispatch_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/sighting"
	"github.com/hookspan/hookspan/bridge/tracing"
)

// A world is one bus, the receivers outside, and the processes that come and go. It lives in
// a synctest bubble.
type world struct {
	store  *dispatchtest.Store
	leases *dispatchtest.Leases // nil: each process takes all shards
	log    *slog.Logger
	tracer *tracing.Tracer
	seen   *sighting.Tally // of processes; nil: none
	small  bool            // processes with small limits
	topics []string        // that processes follow; nil: the first partition's
	counts bool            // processes have metrics

	mu      sync.Mutex
	answer  func(endpoint, event string, attempt int) delivery.Response
	latency func(endpoint string) time.Duration
	begin   func(p *process, endpoint string) (end func())        // called at both ends of a post
	asked   func(p *process, endpoint string, wait time.Duration) // called with every Retry-After
	ended   func(p *process, endpoint string, a answered)         // called with every answer
	posts   []post
}

// A post is one request that reached a receiver and was answered.
type post struct {
	endpoint, event, id, delivery string
	attempt                       int
	began, at                     time.Time
	status                        int
	owner                         *process
}

// A process is one replica.
type process struct {
	w          *world
	shards     int
	client     *dispatchtest.Client
	seat       *dispatchtest.Seat // nil without leases
	registry   *endpoint.Registry
	dispatcher *dispatch.Dispatcher
	cancel     context.CancelFunc
	metrics    *prometheus.Registry // nil: none
	done       chan struct{}        // closed when Run has returned
	err        error

	mu        sync.Mutex
	attempted []delivery.Attempt
	waiting   []delivery.Entry
}

func newWorld(t *testing.T) *world {
	w := &world{
		store:   dispatchtest.New(),
		log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
		answer:  func(string, string, int) delivery.Response { return delivery.Response{Status: 200} },
		latency: func(string) time.Duration { return 10 * time.Millisecond },
	}
	if testing.Verbose() {
		w.log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return w
}

// start brings up a process that has taken every shard.
func (w *world) start(t *testing.T, shards int) *process {
	t.Helper()
	p := w.launch(shards)
	if err := p.prepare(); err != nil {
		t.Fatal(err)
	}
	p.run()
	return p
}

func (w *world) launch(shards int) *process {
	p := &process{w: w, shards: shards, client: w.store.Connect(), done: make(chan struct{})}
	p.registry = w.registry(p.client)
	if w.counts {
		p.metrics = prometheus.NewRegistry()
	}
	if w.leases != nil {
		p.seat = w.leases.Seat(p.client)
		p.dispatcher = dispatch.New(p.config(p.seat))
	} else {
		p.dispatcher = dispatch.New(p.config(nil))
	}
	return p
}

func (p *process) config(leases bus.Leases) dispatch.Config {
	conf := dispatch.Config{
		Store: p.client, Leases: leases, Registry: p.registry, Sender: sender{p}, Observer: p, Shards: p.shards,
		Topics: []string{"events"}, DeadTopic: "dead", OpsTopic: "ops", QuarantineTopic: "quarantine", UserAgent: "Hookspan/test",
		StopGrace: 5 * time.Second, Log: p.w.log, Tracer: p.w.tracer, Sightings: p.w.seen,
	}
	if p.w.topics != nil {
		conf.Topics = p.w.topics
	}
	if p.metrics != nil {
		conf.Metrics = p.metrics
	}
	if p.w.small {
		conf = conf.Small()
		conf.Topics = []string{">"}
	}
	return conf
}

func (w *world) registry(client *dispatchtest.Client) *endpoint.Registry {
	sealer, err := endpoint.NewSealer(make([]byte, 32))
	if err != nil {
		panic(err)
	}
	return endpoint.NewRegistry(client, sealer, endpoint.Options{Log: w.log})
}

func (p *process) prepare() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.registry.Load(ctx); err != nil {
		return err
	}
	return p.dispatcher.Prepare(ctx)
}

func (p *process) run() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	var registry sync.WaitGroup
	registry.Go(func() { _ = p.registry.Run(ctx) })
	go func() {
		defer close(p.done)
		p.err = p.dispatcher.Run(ctx)
		registry.Wait()
	}()
}

// stop ends a process in order.
func (p *process) stop() error {
	p.cancel()
	<-p.done
	return p.err
}

// kill cuts a process off. It is waited for only so that the bubble can end.
func (p *process) kill() {
	p.client.Kill()
	p.cancel()
}

func (p *process) Attempted(a delivery.Attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempted = append(p.attempted, a)
}

func (p *process) Waiting(e delivery.Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, e)
}

// ended counts the deliveries by how they ended without success.
func (p *process) ended() map[delivery.Ended]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := map[delivery.Ended]int{}
	for _, a := range p.attempted {
		n[a.Ended]++
	}
	return n
}

// sender is the network: it reaches the world's receivers.
type sender struct{ p *process }

func (s sender) Send(ctx context.Context, r delivery.Request) delivery.Response {
	w := s.p.w
	name := strings.TrimSuffix(strings.TrimPrefix(r.URL, "https://"), "/")
	if !s.p.client.Alive(ctx) {
		return delivery.Response{Reason: delivery.ReasonStopped}
	}
	w.mu.Lock()
	answer, took, begin := w.answer, w.latency(name), w.begin
	w.mu.Unlock()
	began := time.Now()
	if begin != nil {
		defer begin(s.p, name)()
	}
	select {
	case <-ctx.Done():
		return delivery.Response{Reason: delivery.ReasonStopped}
	case <-time.After(took):
	}
	if !s.p.client.Alive(ctx) {
		return delivery.Response{Reason: delivery.ReasonStopped}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := post{
		endpoint: name, event: r.Header.Get("Ce-Id"), id: r.Header.Get("Webhook-Id"),
		delivery: r.Header.Get("Hookspan-Delivery"), began: began, at: time.Now(), owner: s.p,
	}
	if _, err := fmt.Sscan(r.Header.Get("Hookspan-Attempt"), &p.attempt); err != nil {
		panic(err)
	}
	res := answer(name, p.event, p.attempt)
	if w.asked != nil && res.RetryAfter > 0 {
		w.asked(s.p, name, res.RetryAfter)
	}
	if w.ended != nil {
		w.ended(s.p, name, answered{began, p.attempt == 1, res})
	}
	if res.Reason == "" && !r.Whole {
		res.Headers = ""
	}
	p.status = res.Status
	w.posts = append(w.posts, p)
	return res
}

// delivered counts the posts of an event to an endpoint that were answered 2xx.
func (w *world) delivered(endpoint, event string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, p := range w.posts {
		if p.endpoint == endpoint && p.event == event && p.status/100 == 2 {
			n++
		}
	}
	return n
}

// posted counts all posts.
func (w *world) posted() int { return len(w.all()) }

func (w *world) all() []post {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.posts)
}

// receiver is an endpoint as register makes it; its URL is https://<name>.
func receiver(name string, change func(*endpoint.Endpoint)) *endpoint.Endpoint {
	e := endpoint.Default()
	e.Name, e.URL, e.ManagedBy = name, "https://"+name, endpoint.ByAPI
	e.Signature, e.Jitter = "none", 0
	e.Schedule = endpoint.Waits(time.Second, 2*time.Second, 4*time.Second, 8*time.Second, 16*time.Second, 32*time.Second)
	if change != nil {
		change(e)
	}
	return e
}

// register makes an endpoint that takes some types.
func (p *process) register(t *testing.T, name string, change func(*endpoint.Endpoint)) *endpoint.Endpoint {
	t.Helper()
	made, err := p.registry.Create(context.Background(), receiver(name, change))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (w *world) publish(from, to int, typ string) {
	for n := from; n <= to; n++ {
		w.store.Publish(dispatchtest.Partition, dispatchtest.Event(n, typ))
	}
}

func partition(topic string) bus.Partition { return bus.Partition(topic) }

func dispatchEvent(id, typ string) event.Event {
	e := dispatchtest.Event(1, typ)
	e.ID = id
	return e
}

func id(n int) string { return dispatchtest.Event(n, "").ID }

var failure = delivery.Response{Status: 500, Reason: delivery.ReasonStatus, Detail: "status 500"}

var _ bus.Store = (*dispatchtest.Client)(nil)

// pass lets the bubble's time go by.
func pass(d time.Duration) { <-time.After(d) }
