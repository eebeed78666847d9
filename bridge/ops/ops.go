package ops

import (
	"encoding/json"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/schemas"
)

// Source is that of every operations event.
const Source = delivery.OpsSource

// How whoever takes a webhook learns that it is of an operations event, and what is on its event then.
const (
	ReportHeader    = delivery.ReportHeader
	ExtensionReport = delivery.ExtensionReport
)

// Type is a closed set: the types of operations events.
type Type string

const (
	EndpointDisabled  Type = "hookspan.endpoint.disabled"       // it gets nothing before an operator enables it
	EndpointRecovered Type = "hookspan.endpoint.recovered"      // the first success after anything bad was told of it
	BreakerOpened     Type = "hookspan.endpoint.breaker-opened" // most attempts fail: it is left alone, but for probes
	BreakerClosed     Type = "hookspan.endpoint.breaker-closed" // a probe succeeded, or its URL was changed
	DeliveryExhausted Type = "hookspan.delivery.exhausted"      // every attempt failed
	DeliveryExpired   Type = "hookspan.delivery.expired"        // its event was too old, or not stored any more
	ReplayFinished    Type = "hookspan.replay.finished"         // all of it has ended, or it was cancelled
	SourceRefusals    Type = "hookspan.source.refusals"         // a burst of requests that are not genuine
	StoreNearlyFull   Type = "hookspan.store.nearly-full"       // events are purged before their retention is over
)

// Types lists the closed set.
func Types() []Type {
	return []Type{EndpointDisabled, EndpointRecovered, BreakerOpened, BreakerClosed, DeliveryExhausted, DeliveryExpired, ReplayFinished, SourceRefusals, StoreNearlyFull}
}

// New makes an event. Its id is the type and id, so that what is told twice under one id is told
// once to whoever knows ids again. About an endpoint the subject is its name, and nothing else may
// have a subject that is an endpoint's name: such an event is not for that endpoint.
func New(kind Type, id, subject string, data any) *event.Event {
	body, _ := json.Marshal(data) // strings, numbers and times always marshal
	return &event.Event{
		ID: string(kind) + "/" + id, Source: Source, Type: string(kind), Subject: subject, Time: time.Now().UTC(),
		DataContentType: "application/json", DataSchema: schemas.URLForType(string(kind)), Data: body,
	}
}
