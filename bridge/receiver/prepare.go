package receiver

import (
	"context"
	"errors"
	"log/slog"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/provider"
)

// A posting is one event on its way to the bus.
type posting struct {
	event       *provider.Event
	topic       string
	quarantined bool
	unproven    bool

	as       identity
	body     uint32         // bodyMark of the data
	prints   []fingerprint  // what it is known by once it is durable, that of its flight first
	room     [3]fingerprint // for prints
	standing standing
	flight   *flight // nil where no repeats are recognised
	own      flight  // for flight, unless another request has it
}

// prepare decides what becomes of each event: its topic, quarantine, or none of them is taken.
func (r *Receiver) prepare(x *exchange) error {
	s := x.source
	if err := s.withinRate(x.began); err != nil {
		return err
	}
	x.place()
	for i := range x.events {
		e, p := &x.events[i], &x.postings[i]
		r.leftOut(x, e)
		r.ascribe(x, e)
		e.SetExtension(proofMark, string(x.proof))
		if x.q.Header.Get(ops.ReportHeader) != "" {
			e.SetExtension(ops.ExtensionReport, "true")
		}
		*p = posting{event: e, topic: r.topic(x, e)}
		reason, detail, policy, err := r.inspect(x, e)
		if err != nil {
			return notTaken(err)
		}
		switch policy {
		case Reject:
			return &fault{code: problem.InvalidBody, outcome: invalid, reason: reason, detail: detail}
		case Quarantine:
			r.quarantine(x, p, reason, detail)
		case Warn:
			r.note(x, e, slog.LevelWarn, "event does not fit its schema", slog.String("reason", string(reason)), slog.String("detail", cut(detail, maxDetail)))
		}
		r.known(x, p, i, len(x.postings))
	}
	return nil
}

// proofMark is the extension that says what is known of an event's request: verified or authenticated.
const proofMark = "hookspanproof"

// place makes room for what becomes of each event.
func (x *exchange) place() {
	if x.postings = x.one[:]; len(x.events) != 1 {
		x.postings = make([]posting, len(x.events))
	}
}

// inspect names the policy that an event's body falls under, Accept when nothing is at fault, and
// which schema its data has. Its error is that there was no memory to look at it.
func (r *Receiver) inspect(x *exchange, e *provider.Event) (provider.Reason, string, Policy, error) {
	s := x.source
	if e.Invalid != "" {
		return provider.InvalidBody, e.Invalid, s.Invalid, nil
	}
	if r.schemas == nil {
		return "", "", Accept, nil
	}
	url, err := r.schemaOf(x, e)
	switch {
	case errors.Is(err, errNoMemory):
		return "", "", "", err
	case err != nil:
		return provider.Schema, err.Error(), s.Schema, nil
	}
	if e.DataSchema == "" && event.IsJSON(e.DataContentType) {
		e.DataSchema = url
	}
	return "", "", Accept, nil
}

// schemaOf is the URL of the schema that an event's data fits, as far as its source looks.
func (r *Receiver) schemaOf(x *exchange, e *provider.Event) (url string, err error) {
	if !x.source.Checks() {
		return r.schemas.Declared(e.Type), nil
	}
	ctx, cancel := context.WithTimeout(x.q.Context(), r.publishTimeout)
	defer cancel()
	err = r.checks.hold(ctx, func(take func(int64) error) error {
		url, err = r.schemas.Check(&e.Event, take)
		return err
	})
	return url, err
}

// quarantine sends an event to the quarantine topic, with the reason and whose it was.
func (r *Receiver) quarantine(x *exchange, p *posting, reason provider.Reason, detail string) {
	p.event.SetExtension("hookspanreason", string(reason))
	detail = cut(detail, maxDetail)
	p.event.SetExtension("hookspandetail", event.Clean(detail))
	p.event.SetExtension("hookspansource", x.source.Name)
	p.event.SetExtension("hookspantopic", event.Clean(p.topic)) // where it goes once it is released
	p.topic, p.quarantined = r.quarantineTopic, true
	r.note(x, p.event, slog.LevelWarn, "event quarantined", slog.String("reason", string(reason)), slog.String("detail", detail))
}

// leftOut tells of attributes that an event came with and that no event may have.
func (r *Receiver) leftOut(x *exchange, e *provider.Event) {
	for _, f := range e.Flaws {
		x.source.dropped.Inc()
		r.note(x, e, slog.LevelWarn, "attribute left out", slog.String("attribute", f.Attribute), slog.String("detail", f.Reason))
	}
}

// note logs what is remarkable about an event that is taken, at a bounded rate.
func (r *Receiver) note(x *exchange, e *provider.Event, level slog.Level, message string, more ...slog.Attr) {
	ctx := context.WithoutCancel(x.q.Context())
	if !r.log.Enabled(ctx, level) {
		return
	}
	suppressed, ok := x.source.notes.admit()
	if !ok {
		return
	}
	attrs := append([]slog.Attr{slog.String("source", x.source.Name), slog.String("event", event.Short(e.ID)), slog.String("type", event.Short(e.Type))}, more...)
	r.log.LogAttrs(ctx, level, message, append(attrs, logline.Suppressed(suppressed))...)
}

// topic is where an event goes that is not at fault.
func (r *Receiver) topic(x *exchange, e *provider.Event) string {
	if r.topicPerSource {
		return x.source.Topic
	}
	return x.texts.Join(x.source.Topic, ".", topicName(e.Type, x.source.typePrefix))
}
