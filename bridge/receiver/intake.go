package receiver

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/setting"
)

// A Verifier judges the requests of one source. *provider.Verifier is one.
type Verifier interface {
	// VerifyIn returns what a genuine request means; its error is a *provider.Refusal. It may use
	// the memory of room, which held the events of a request that is over.
	VerifyIn(q *provider.Request, room []provider.Event) (provider.Verdict, error)
	// Unproven returns what a request would mean if it were genuine; its error is a *provider.Refusal.
	Unproven(q *provider.Request) ([]provider.Event, error)
	// Success is the provider's answer to what it need not send again.
	Success() provider.Answer
	// RefusalStatus answers a request that is not genuine.
	RefusalStatus() int
	// Methods are those that the provider uses, POST included.
	Methods() []string
	// AcceptsMediaType reports whether a Content-Type is one of the provider's.
	AcceptsMediaType(contentType string) bool
	// MaxBody is the largest body in bytes, where the source does not say.
	MaxBody() int64
	// Proof is what can at best be known of a request.
	Proof() provider.Proof
	// TypePrefix is what stands in front of the provider's own type, without the last dot.
	TypePrefix() string
}

// intake is a source that takes requests. It is never changed but for its counters and what it
// was asked for last.
type intake struct {
	Source
	verifier      Verifier
	success       provider.Answer
	refusalStatus int
	methods       []string
	allow         string
	typePrefix    string

	dedupKey dedupKey
	tenancy  tenancy
	origin   origin
	asked    atomic.Pointer[told]

	limit    *rate.Limiter // nil without a rate
	share    *share        // of the intake's memory
	traces   *valve        // of refusals
	burst    *burst        // of them
	notes    *valve        // of what is remarkable about events that are taken
	unproven *valve        // of requests that are taken without proof
	counters map[outcome]prometheus.Counter
	altered  prometheus.Counter
	dropped  prometheus.Counter // attributes
}

// recognises reports whether the source tells repeats from events.
func (s *intake) recognises() bool { return *s.DedupWindow > 0 && s.DedupKey != DedupByNothing }

// notesPerSecond bounds the log lines about a source's events that were taken.
const notesPerSecond = 100

// intakes are the sources of one configuration.
type intakes struct {
	named map[string]*intake
	bases []string // the topics that they write to, without the type; each once
}

// Replace puts other sources in the place of the present ones. Requests that have begun end
// with what they began with; none is dropped. On an error nothing has changed.
func (r *Receiver) Replace(sources []Source) error {
	present := r.intakes.Load()
	next := &intakes{named: make(map[string]*intake, len(sources))}
	longest := time.Duration(0)
	var faults []error
	for _, s := range sources {
		in, err := r.open(s.withDefaults(r.topicPrefix), present)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if next.named[s.Name] != nil {
			faults = append(faults, fmt.Errorf("source %q: name: is there twice", s.Name))
		}
		next.named[s.Name] = in
		if !slices.Contains(next.bases, in.Topic) {
			next.bases = append(next.bases, in.Topic)
		}
		longest = max(longest, *in.DedupWindow)
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	r.window.setKeep(longest)
	r.bodies.share(len(next.named), BodyMemory(r.checks.limit, slices.ContainsFunc(sources, func(s Source) bool { return s.Checks() })))
	r.intakes.Store(next)
	return nil
}

// open makes a source ready. What a former one of the name had used up of its rate stays used.
func (r *Receiver) open(s Source, present *intakes) (*intake, error) {
	if err := s.Validate(r.retention); err != nil {
		return nil, err
	}
	v, err := r.verifier(s.Provider, s.OfProvider())
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	if s.MaxBody == 0 {
		s.MaxBody = setting.Size(v.MaxBody())
	}
	s.MaxBody = setting.Size(r.bodyLimit(s))
	in := &intake{
		Source: s, verifier: v, success: v.Success(), refusalStatus: v.RefusalStatus(),
		methods: v.Methods(), allow: strings.Join(v.Methods(), ", "), typePrefix: v.TypePrefix(),
		counters: r.metrics.of(s.Name), altered: r.metrics.altered.WithLabelValues(s.Name), dropped: r.metrics.dropped.WithLabelValues(s.Name),
		share: &share{name: "the source"}, burst: &burst{},
		traces: newValve(tracesPerSecond, tracesPerSecond), notes: newValve(notesPerSecond, 2*notesPerSecond),
		unproven: newValve(unprovenPerSecond, 5*unprovenPerSecond),
	}
	if in.dedupKey, err = parseDedupKey(s.DedupKey); err != nil {
		return nil, fmt.Errorf("source %q: dedup_key: %w", s.Name, err)
	}
	if in.origin, err = newOrigin(&s); err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	if in.tenancy, err = parseTenancy(s.Tenant); err != nil {
		return nil, fmt.Errorf("source %q: tenant: %w", s.Name, err)
	}
	if s.Rate.PerSecond > 0 {
		in.limit = rate.NewLimiter(rate.Limit(s.Rate.PerSecond), s.Rate.Burst)
	}
	if present == nil || present.named[s.Name] == nil {
		r.log.Info("source opened", slog.String("source", s.Name), slog.String("provider", s.Provider), slog.String("proof", string(v.Proof())))
		return in, nil
	}
	was := present.named[s.Name]
	in.traces, in.notes, in.unproven, in.share, in.burst = was.traces, was.notes, was.unproven, was.share, was.burst
	if was.limit != nil && was.Rate == s.Rate {
		in.limit = was.limit
	}
	return in, nil
}

// withinRate takes one request from the source's rate, or says when the next one fits.
func (s *intake) withinRate(now time.Time) error {
	if s.limit == nil {
		return nil
	}
	slot := s.limit.ReserveN(now, 1)
	wait := slot.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	slot.CancelAt(now)
	return &fault{code: problem.RateLimited, outcome: limited, reason: provider.OverRate, detail: "more requests than " + Rate{PerSecond: s.Rate.PerSecond}.String(), retry: wait}
}

// attributeRoom is what the attributes of an event may take of the bus's largest message.
const attributeRoom = 32 << 10

// bodyLimit is the source's own limit, or less where the bus takes less.
func (r *Receiver) bodyLimit(s Source) int64 {
	most, room := int64(s.MaxBody), r.publisher.MaxBytes()-attributeRoom
	if r.publisher.MaxBytes() <= 0 || most <= room {
		return most
	}
	r.log.Warn("source takes smaller bodies than its limit, because the bus does",
		slog.String("source", s.Name), slog.Int64("max_body_bytes", most), slog.Int64("bus_max_bytes", max(room, 0)))
	return max(room, 0)
}

// basesOf lists the topics that an event on a topic may have been written for.
func (i *intakes) basesOf(topic string) (found []string) {
	for _, base := range i.bases {
		if topic == base || strings.HasPrefix(topic, base+".") {
			found = append(found, base)
		}
	}
	return found
}
