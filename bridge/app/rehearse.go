package app

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/dataschema"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// A Rehearsal is a source as a start makes it, on a bus that keeps nothing: what it says of a request,
// the running one says.
type Rehearsal struct {
	Config   *config.Config
	Source   receiver.Source
	Verifier receiver.Verifier
	MaxBytes int64 // of an event, that the bus takes; 0 is any
}

// A Performance is what came of a request.
type Performance struct {
	Status  int               // that the sender is answered
	Refusal *receiver.Refusal // the trace that it leaves; nil for none
	Events  []Performed       // that are published
}

// A Performed event is on its way to a topic.
type Performed struct {
	event.Event
	Topic string
	Unfit string // why its data does not fit the schema of its type, where the source looks at that
}

// Take hands a request to the source, whatever its path.
func (r *Rehearsal) Take(q *http.Request) (*Performance, error) {
	set, err := dataSchemas(r.Config)
	if err != nil {
		return nil, err
	}
	o := intakeOptions(r.Config)
	s := &stage{most: r.MaxBytes, Set: set, unfit: map[*event.Event]string{}, header: http.Header{}}
	o.Sources, o.Publisher, o.Refusals, o.Schemas = []receiver.Source{r.Source}, s, s, s
	o.Verifier = func(string, provider.Config) (receiver.Verifier, error) { return r.Verifier, nil }
	o.Log, o.Metrics = slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	made, err := receiver.New(o)
	if err != nil {
		return nil, err
	}
	if err := made.Open(q.Context()); err != nil {
		return nil, err
	}
	q = q.Clone(q.Context())
	q.URL.Path, q.URL.RawPath = receiver.Path+r.Source.Name, ""
	made.ServeHTTP(s, q)
	over, end := context.WithCancel(q.Context())
	end()
	return &s.Performance, made.Run(over) // which writes the refusal
}

// A stage is the bus, the log of refusals and the sender of a rehearsal.
type stage struct {
	bus.Publisher
	*dataschema.Set
	most   int64
	header http.Header

	mu    sync.Mutex
	unfit map[*event.Event]string
	Performance
}

func (s *stage) MaxBytes() int64 { return s.most }

func (s *stage) Publish(_ context.Context, topic string, e *event.Event, o bus.PublishOptions) (bus.Receipt, error) {
	s.mu.Lock()
	kept := Performed{*e, topic, s.unfit[e]}
	kept.Extensions = slices.Clone(e.Extensions) // the receiver uses their memory again
	s.Events = append(s.Events, kept)
	s.mu.Unlock()
	if o.Sent != nil {
		o.Sent()
	}
	return bus.Receipt{}, nil
}

func (s *stage) Check(e *event.Event, take func(int64) error) (string, error) {
	url, err := s.Set.Check(e, take)
	if err != nil {
		s.unfit[e] = err.Error()
	}
	return url, err
}

func (s *stage) AppendRefusal(_ context.Context, data []byte) error {
	refusal, err := receiver.ParseRefusal(data)
	s.Refusal = &refusal
	return err
}

func (s *stage) Header() http.Header { return s.header }

func (s *stage) WriteHeader(status int) { s.Status = status }

func (s *stage) Write(text []byte) (int, error) { return len(text), nil }
