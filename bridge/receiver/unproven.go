package receiver

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/tenant"
)

// A source that only observes takes requests that do not prove who sent them. Their events go to
// a topic of their own, and nothing that they say is believed: none is a repeat of another event,
// or the other way round, and none has a tenant.

// unprovenMark is the extension with the reason for which an event's request would be refused.
const unprovenMark = "hookspanunverified"

// unprovenPerSecond bounds what strangers can have us store.
const unprovenPerSecond = 10

// unproven are the reasons of requests that may be the sender's all the same, but for a wrong secret
// or scheme.
var unproven = []provider.Reason{
	provider.NoSignature, provider.BadSignature, provider.Stale, provider.Future, provider.Decryption, provider.Token, provider.ClientKey, provider.UnknownKey,
	provider.Address, provider.Certificate,
}

// observes reports whether a request that was found not genuine is taken.
func (s *intake) observes(err error) bool {
	refusal, ok := errors.AsType[*provider.Refusal](err)
	if s.Verify != Observe || !ok || !slices.Contains(unproven, refusal.Reason) {
		return false
	}
	_, within := s.unproven.admit()
	return within
}

// observe makes the events of such a request durable.
func (r *Receiver) observe(x *exchange, f *fault) (*provider.Answer, outcome, error) {
	events, err := x.source.verifier.Unproven(&x.request)
	switch {
	case x.body.short != nil:
		return nil, "", notTaken(x.body.short)
	case err != nil:
		return nil, "", notGenuine(err)
	}
	x.events = events
	x.place()
	for i := range x.events {
		e := &x.events[i]
		e.Extensions = slices.DeleteFunc(e.Extensions, func(one event.Extension) bool { return one.Name == tenant.Attribute || one.Name == proofMark })
		e.SetExtension(unprovenMark, string(f.reason))
		e.SetExtension("hookspandetail", event.Clean(cut(f.detail, maxDetail)))
		e.SetExtension("hookspansource", x.source.Name)
		x.postings[i] = posting{event: e, topic: r.unverifiedTopic, unproven: true}
		r.note(x, e, slog.LevelWarn, "event not verified, and kept apart", slog.String("reason", string(f.reason)), slog.String("detail", cut(f.detail, maxDetail)))
	}
	if _, err := r.store(x); err != nil {
		return nil, "", err
	}
	r.trail.observed(x, f)
	return &x.source.success, unverified, nil
}
