package dispatch

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/feed"
	"github.com/hookspan/hookspan/bridge/statelog"
)

const (
	part     = dispatchtest.Partition
	second   = time.Second
	settling = 2 * recordEvery // an attempt that ended is in the journal
)

// A rig holds the one shard of a dispatcher that does not run: a test feeds it, answers its
// attempts and writes its deltas by hand. It lives in a synctest bubble.
type rig struct {
	t      *testing.T
	store  *dispatchtest.Store
	client *dispatchtest.Client
	reg    *endpoint.Registry
	d      *Dispatcher
	s      *shard
	out    *receivers
	read   bus.Position // offered to the shard
	stop   context.CancelFunc
}

// receivers answer an attempt when the test says so.
type receivers struct {
	mu    sync.Mutex
	hold  bool                  // attempts wait for an answer; else they succeed at once
	open  map[string][]chan int // status codes, by event id
	posts map[string]int        // by event id
	seen  func(delivery.Request)
}

// holds says whether attempts that begin from now on wait for an answer.
func (o *receivers) holds(them bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hold = them
}

func (o *receivers) Send(ctx context.Context, r delivery.Request) delivery.Response {
	id := r.Header.Get("Ce-Id")
	o.mu.Lock()
	o.posts[id]++
	if o.seen != nil {
		o.seen(r)
	}
	answer := make(chan int, 1) // answer sends once
	if o.hold {
		o.open[id] = append(o.open[id], answer)
	} else {
		answer <- 200
	}
	o.mu.Unlock()
	select {
	case <-ctx.Done():
		return delivery.Response{Reason: delivery.ReasonStopped}
	case code := <-answer:
		switch code {
		case 200:
			return delivery.Response{Status: code}
		case 410:
			return delivery.Response{Status: code, Reason: delivery.ReasonGone}
		}
		return delivery.Response{Status: code, Reason: delivery.ReasonStatus}
	}
}

// open connects a new owner to the bus.
func (r *rig) open() {
	r.t.Helper()
	r.client = r.store.Connect()
	r.out = &receivers{open: map[string][]chan int{}, posts: map[string]int{}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(r.t.Output(), nil))
	}
	r.reg = endpoint.NewRegistry(r.client, nil, endpoint.Options{Log: log})
	r.d = New(Config{
		Store: r.client, Registry: r.reg, Sender: r.out, Observer: silent{}, Shards: 1, Topics: []string{"events"},
		DeadTopic: "dead", OpsTopic: "ops", QuarantineTopic: "quarantine", StopGrace: time.Second, Log: log,
	}.Small())
	ctx := r.t.Context()
	r.must(r.reg.Load(ctx))
	r.must(r.d.Prepare(ctx))
	d, s := r.d, r.d.owned.shard(0)
	r.s = s
	recording, stop := context.WithCancel(context.Background())
	done := make(chan struct{}) // closed when the recorder has ended
	go func() {
		defer close(done)
		s.rec.run(recording)
	}()
	r.stop = func() {
		s.stop()
		d.cutAttempts(ErrStopping)
		s.attempts.Wait()
		stop()
		<-done
	}
	r.read, _ = r.s.Place(part)
	r.s.wakeAll()
}

type silent struct{}

func (silent) Attempted(delivery.Attempt) {}
func (silent) Waiting(delivery.Entry)     {}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// takeover kills the owner and brings up the next one.
func (r *rig) takeover() {
	r.t.Helper()
	r.kill()
	r.open()
}

func (r *rig) kill() {
	r.client.Kill()
	r.stop()
}

// register makes an endpoint and has the shard take it up.
func (r *rig) register(name string, change func(*endpoint.Endpoint)) *lane {
	r.t.Helper()
	e := endpoint.Default()
	e.Name, e.URL, e.Signature, e.Jitter = name, "https://"+name, "none", 0
	e.Schedule = endpoint.Waits(time.Minute, time.Minute, time.Minute)
	if change != nil {
		change(e)
	}
	made, err := r.reg.Create(r.t.Context(), e)
	r.must(err)
	r.apply()
	return r.lane(made.ID)
}

func (r *rig) apply() {
	r.t.Helper()
	r.must(r.d.applier.apply(r.t.Context(), r.reg.Set()))
}

func (r *rig) lane(id string) *lane {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.lanes[id]
}

func (r *rig) edit(id string, change func(*endpoint.Endpoint)) {
	r.t.Helper()
	_, err := r.reg.Update(r.t.Context(), id, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		change(e)
		return e, nil
	})
	r.must(err)
}

// publish stores events; feed offers what is stored to the shard, as its follower would.
func (r *rig) publish(from, to int, typ string) {
	for n := from; n <= to; n++ {
		r.store.Publish(part, dispatchtest.Event(n, typ))
	}
}

func (r *rig) feed() {
	r.t.Helper()
	for _, m := range r.store.Kept(part) {
		if r.read.Reaches(m.Position) {
			continue
		}
		r.d.ascribe(&m)
		if !r.s.Take(&feed.Batch{Partition: part, Before: r.read, End: m.Position, Messages: []bus.Message{m}}) {
			r.t.Fatalf("the shard does not take %d behind %d", m.Position.Seq, r.read.Seq)
		}
		r.read = m.Position
	}
	elapse(settling)
}

// catchUp feeds ranges until none is hungry.
func (r *rig) catchUp() {
	r.t.Helper()
	for range 50 {
		if !r.d.ranges.Once(r.t.Context()) {
			return
		}
		elapse(settling)
	}
}

// answer ends the oldest attempt of an event that runs.
func (r *rig) answer(code int, events ...int) {
	r.t.Helper()
	for _, n := range events {
		id := dispatchtest.Event(n, "").ID
		r.out.mu.Lock()
		open := r.out.open[id]
		if len(open) == 0 {
			r.out.mu.Unlock()
			r.t.Fatalf("no attempt of event %d runs", n)
		}
		r.out.open[id] = open[1:]
		r.out.mu.Unlock()
		open[0] <- code
	}
	elapse(settling)
}

// posts is how often an event was sent by this owner.
func (r *rig) posts(n int) int {
	r.out.mu.Lock()
	defer r.out.mu.Unlock()
	return r.out.posts[dispatchtest.Event(n, "").ID]
}

func (r *rig) step() {
	r.t.Helper()
	r.must(r.s.writer.step(r.t.Context()))
}

// logged is what a successor would read in the state log now.
func (r *rig) logged() statelog.State {
	r.t.Helper()
	l := statelog.New(r.store.Connect(), 0, r.d.log, r.d.limits.stateLog)
	r.must(l.Load(r.t.Context()))
	return *l.State()
}

// elapse lets the bubble's time go by.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait() // for the race detector: what went on meanwhile was before
}
