package alert_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/alert"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/tenant"
)

const (
	operator = "ops@shop.example"
	within   = 10 * time.Second // a notice is mailed
)

// A rig is a bus with operations events, a mail server, and the processes that mail. It lives in a
// synctest bubble.
type rig struct {
	*testing.T
	store *dispatchtest.Store

	mu      sync.Mutex
	mails   []alert.Mail
	tries   []time.Time
	answer  func(p *process, m alert.Mail) error // of the mail server; nil takes everything
	to      func(endpointID, tenant string) []string
	deleted map[string]bool // endpoints
	number  int
}

// A process is one replica.
type process struct {
	of     *rig
	client *dispatchtest.Client
	leads  atomic.Bool
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended
}

func bubble(t *testing.T, f func(r *rig)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, store: dispatchtest.New(), deleted: map[string]bool{}}
		r.to = func(string, string) []string { return []string{operator} }
		r.store.AddPartition("ops", "first")
		f(r)
	})
}

// told is the bus as a mailer reads it.
type told struct{ *dispatchtest.Client }

func (x told) Spans(ctx context.Context) ([]bus.Span, error) {
	spans, err := x.Client.Spans(ctx)
	return slices.DeleteFunc(spans, func(s bus.Span) bool { return s.Partition != "ops" }), err
}

// start brings up a process that leads.
func (r *rig) start() *process {
	r.Helper()
	p := &process{of: r, client: r.store.Connect(), done: make(chan struct{})}
	p.leads.Store(true)
	m := alert.New(alert.Options{
		Topics: told{p.client}, Logs: p.client, Sender: p, Leads: p.leads.Load, Installation: "hookspan",
		Server: func() alert.Server { return alert.Server{URL: "smtp://mail.example", From: "hooks@shop.example"} },
		To:     func(id, tenant string) []string { return r.to(id, tenant) },
		Known: func(id string) bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return !r.deleted[id]
		},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err := m.Begin(context.Background()); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		defer close(p.done)
		m.Run(ctx)
	}()
	return p
}

// Send implements alert.Sender.
func (p *process) Send(ctx context.Context, _ alert.Server, m alert.Mail) error {
	r := p.of
	r.mu.Lock()
	r.tries = append(r.tries, time.Now())
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		if err := answer(p, m); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mails = append(r.mails, m)
	return nil
}

// answers sets what the mail server does.
func (r *rig) answers(with func(*process, alert.Mail) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = with
}

func (p *process) stop() {
	p.cancel()
	<-p.done
}

// kill cuts the process off from the bus. It is waited for only so that the bubble can end.
func (p *process) kill() {
	p.client.Kill()
	p.stop()
}

// tell publishes an operations event about an endpoint.
func (r *rig) tell(kind ops.Type, endpoint string) { r.tellOf(kind, endpoint, "") }

func (r *rig) tellOf(kind ops.Type, endpoint, of string) {
	r.number++
	n := strconv.Itoa(r.number)
	about := ops.AboutEndpoint{Endpoint: "ep_" + endpoint, Name: endpoint, Reason: "the endpoint answered 410 Gone"}
	data := any(about)
	switch kind {
	case ops.DeliveryExhausted, ops.DeliveryExpired:
		data = ops.Ended{Delivery: "dlv_" + n, AboutEndpoint: about, Attempts: 7, Event: ops.Original{ID: "evt-" + n, Source: "/s", Type: "order\r\nshipped", Topic: "t"}}
	case ops.EndpointRecovered:
		data = ops.Recovered{AboutEndpoint: about, Since: time.Now()}
	}
	e := ops.New(kind, n, endpoint, data)
	if of != "" {
		e.SetExtension(tenant.Attribute, of)
	}
	r.store.Publish("ops", *e)
}

// tried is how often a mail was given to the server.
func (r *rig) tried() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.tries)
}

// got are the subjects of the mails since the last call, in their order.
func (r *rig) got() (subjects []string) {
	for _, m := range r.gotMails() {
		subjects = append(subjects, m.Subject)
	}
	return subjects
}

func (r *rig) gotMails() []alert.Mail {
	r.mu.Lock()
	defer r.mu.Unlock()
	mails := r.mails
	r.mails = nil
	return mails
}

func (r *rig) wants(what string, subjects ...string) {
	r.Helper()
	got := r.got()
	slices.Sort(got)
	slices.Sort(subjects)
	if !slices.Equal(got, subjects) {
		r.Errorf("%s: mails %q, want %q", what, got, subjects)
	}
}

// pass lets the bubble's time go by.
func pass(d time.Duration) { <-time.After(d) }
