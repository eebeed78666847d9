package receiver_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/listener"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/schemas/schematest"
)

// lingering is what a server's connection does for half a second after it was closed early.
var lingering = goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, lingering) }

const secret = "a secret of the tests"

// shop is a small system that sends webhooks: HMAC-SHA256 over the body in X-Signature, the id
// in X-Id, JSON bodies with an event name, several events as an array.
type shop struct {
	c provider.Config
}

func newShop(_ string, c provider.Config) (receiver.Verifier, error) {
	if len(c.Secrets) == 0 {
		return nil, errors.New("secrets: one is needed")
	}
	return shop{c}, nil
}

func (s shop) Success() provider.Answer {
	return provider.Answer{Status: 202, Header: http.Header{"X-Shop": {"thanks"}}, Body: []byte("[taken]")}
}
func (shop) RefusalStatus() int              { return 403 }
func (shop) Methods() []string               { return []string{"POST", "GET"} }
func (shop) AcceptsMediaType(ct string) bool { return strings.HasPrefix(ct, "application/json") }
func (s shop) TypePrefix() string            { return "com.shop" }
func (shop) MaxBody() int64                  { return scheme.DefaultMaxBody }
func (s shop) signature(body []byte) []byte  { return sign(s.c.Secrets[0], body) }
func sign(secret string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(body)
	return h.Sum(nil)
}

func (s shop) VerifyIn(q *provider.Request, _ []provider.Event) (provider.Verdict, error) {
	if q.Method == "GET" {
		return provider.Verdict{Answer: &provider.Answer{Status: 200, Body: []byte(q.URL)}}, nil
	}
	given, err := hex.DecodeString(q.Header.Get("X-Signature"))
	switch {
	case len(given) == 0:
		return provider.Verdict{}, &provider.Refusal{Reason: provider.NoSignature, Detail: "header X-Signature is missing"}
	case err != nil || !hmac.Equal(given, s.signature(q.Body)):
		return provider.Verdict{}, &provider.Refusal{Reason: provider.BadSignature, Detail: "X-Signature against HMAC-SHA256 of the body, 1 secret"}
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(q.Body, &parts); err == nil && q.Body[0] == '[' {
		v := provider.Verdict{Proof: provider.Verified}
		for _, part := range parts {
			v.Events = append(v.Events, s.event(q, part))
		}
		return v, nil
	}
	e := s.event(q, q.Body)
	if !json.Valid(q.Body) {
		e.Invalid = "the body is not JSON"
	}
	return provider.Verdict{Events: []provider.Event{e}, Invalid: e.Invalid, Reason: provider.InvalidBody, Proof: provider.Verified}, nil
}

func (s shop) Proof() provider.Proof { return provider.Verified }

func (s shop) Unproven(q *provider.Request) ([]provider.Event, error) {
	e := s.event(q, q.Body)
	e.SetExtension("tenant", "carried")
	e.SetExtension("hookspanproof", "verified")
	return []provider.Event{e}, nil
}

func (s shop) event(q *provider.Request, data []byte) provider.Event {
	var body struct{ Event, ID string }
	_ = json.Unmarshal(data, &body) // a body that is not JSON has neither
	if body.ID == "" {
		body.ID = q.Header.Get("X-Id")
	}
	source := s.c.URI
	if source == "" {
		source = "/sources/" + s.c.Source
	}
	e := provider.Event{Named: true, Sum: sha256.Sum256(data), Event: event.Event{
		ID: body.ID, Source: source, Type: "com.shop." + body.Event, Time: q.Received,
		DataContentType: q.Header.Get("Content-Type"), Data: data,
	}}
	switch {
	case body.ID == "unnamed":
		e.Named, e.ID = false, hex.EncodeToString(e.Sum[:])
	case body.ID == q.Header.Get("X-Id"): // not in what is signed
		e.Signed = e.Sum
	}
	return e
}

// A store is a bus in memory. It keeps copies, as a bus does.
type store struct {
	// before is called with every event before it is stored; its error is that of the publish.
	before func(ctx context.Context, e *event.Event) error

	mu       sync.Mutex
	stored   []stored
	refusals []receiver.Refusal
	kept     chan struct{} // a token per refusal kept
	more     chan struct{} // closed at the next event stored; nil while nobody waits for it
}

type stored struct {
	topic   string
	event   event.Event
	options bus.PublishOptions
}

func (s *store) Publish(ctx context.Context, topic string, e *event.Event, o bus.PublishOptions) (bus.Receipt, error) {
	if s.before != nil {
		if err := s.before(ctx, e); err != nil {
			return bus.Receipt{}, err
		}
	}
	kept := *e
	kept.Data, kept.Extensions = bytes.Clone(e.Data), slices.Clone(e.Extensions)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.stored {
		if o.Key != "" && s.stored[i].options.Key == o.Key {
			return bus.Receipt{Repeated: true}, nil
		}
	}
	s.stored = append(s.stored, stored{topic, kept, o})
	if o.Sent != nil {
		o.Sent()
	}
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return bus.Receipt{}, nil
}

func (*store) MaxBytes() int64 { return 64 << 20 }

func (s *store) AppendRefusal(_ context.Context, data []byte) error {
	if err := schematest.Fits("refusal.json", data); err != nil {
		panic(err)
	}
	r, err := receiver.ParseRefusal(data)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.refusals = append(s.refusals, r)
	s.mu.Unlock()
	s.kept <- struct{}{}
	return nil
}

// Published hands over what is stored, as after a restart.
func (s *store) Published(time.Time) bus.Reading {
	next := 0
	return func(_ context.Context, each func(bus.Publication) error) error {
		for all := s.all(); next < len(all); next++ {
			m := all[next]
			if err := each(bus.Publication{Topic: m.topic, Source: m.event.Source, ID: m.event.ID, At: m.event.Time, Mark: m.options.Mark}); err != nil {
				return err
			}
		}
		return nil
	}
}

// FollowPublished hands over what is stored and waits for more.
func (s *store) FollowPublished(ctx context.Context, since time.Time, each func(bus.Publication) error) error {
	for next := 0; ; next++ {
		m, err := s.wait(ctx, next)
		if err != nil {
			return err
		}
		if m.event.Time.Before(since) {
			continue
		}
		if err := each(bus.Publication{Topic: m.topic, Source: m.event.Source, ID: m.event.ID, At: m.event.Time, Mark: m.options.Mark}); err != nil {
			return err
		}
	}
}

// wait returns event n once it is stored.
func (s *store) wait(ctx context.Context, n int) (stored, error) {
	for {
		s.mu.Lock()
		if n < len(s.stored) {
			m := s.stored[n]
			s.mu.Unlock()
			return m, nil
		}
		if s.more == nil {
			s.more = make(chan struct{})
		}
		more := s.more
		s.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return stored{}, ctx.Err()
		}
	}
}

func (s *store) all() []stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stored)
}

func (s *store) topics() []string {
	var topics []string
	for _, m := range s.all() {
		topics = append(topics, m.topic)
	}
	slices.Sort(topics)
	return topics
}

// A world is a receiver that listens on loopback, and its bus.
type world struct {
	*testing.T
	store    *store
	receiver *receiver.Receiver
	metrics  *prometheus.Registry
	log      *bytes.Buffer // read it after stop
	addr     string
	client   *http.Client
	most     int // connections; 0 is any number
	stop     func()
}

// setup starts a receiver; edit may change its options first.
func setup(t *testing.T, edit func(*receiver.Options)) *world {
	t.Helper()
	w := &world{T: t, store: &store{kept: make(chan struct{}, 10_000)}, metrics: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	o := receiver.Options{
		Sources:  []receiver.Source{{Name: "shop", Provider: "shop", Secrets: []string{secret}}},
		Verifier: newShop, Publisher: w.store, Refusals: w.store, Metrics: w.metrics,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
	if edit != nil {
		edit(&o)
	}
	var err error
	if w.receiver, err = receiver.New(o); err != nil {
		t.Fatal(err)
	}
	if err := w.receiver.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.listen(t, o)
	return w
}

func (w *world) listen(t *testing.T, o receiver.Options) {
	server, err := listener.Server(listener.Options{Handler: w.receiver, Log: o.Log, ReadTime: o.BodyTime})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = l.Addr().String()
	if w.most > 0 {
		l = listener.NewCrowd(w.most, o.Log, w.metrics).Listen(l)
	}
	w.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}, Timeout: 30 * time.Second}
	run, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	taken := w.receiver
	running.Go(func() { _ = taken.Run(run) })
	running.Go(func() { _ = server.Serve(l) })
	w.stop = sync.OnceFunc(func() {
		w.client.CloseIdleConnections()
		_ = server.Close()
		cancel()
		running.Wait()
	})
	t.Cleanup(w.stop)
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// code is that of the problem.
func (a answer) code() string {
	var p struct{ Code string }
	_ = json.Unmarshal([]byte(a.body), &p) // not a problem: no code
	return p.Code
}

func (w *world) request(method, path, id string, body []byte, header http.Header) *http.Request {
	w.Helper()
	q, err := http.NewRequestWithContext(w.Context(), method, "http://"+w.addr+path, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("X-Id", id)
	q.Header.Set("X-Signature", hex.EncodeToString(sign(secret, body)))
	maps.Copy(q.Header, header)
	return q
}

func (w *world) do(q *http.Request) answer {
	w.Helper()
	resp, err := w.client.Do(q)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// send posts a genuine webhook to the source shop.
func (w *world) send(id, body string) answer {
	w.Helper()
	return w.do(w.request("POST", "/webhooks/shop", id, []byte(body), nil))
}

// counted returns the value of a counter or gauge with these labels.
func (w *world) counted(name string, labels ...string) float64 {
	w.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
	metric:
		for _, m := range family.GetMetric() {
			for i := 0; i < len(labels); i += 2 {
				if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool {
					return l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}) {
					continue metric
				}
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return 0
}
