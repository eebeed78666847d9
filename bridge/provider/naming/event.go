package naming

import (
	"crypto/sha256"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// A Spec says how a delivery becomes a CloudEvent.
type Spec struct {
	Format     string            `yaml:"format" words:"cloudevents" doc:"What a delivery is already: a CloudEvent over HTTP, whose own attributes are kept. Leave it out for all others." example:"format: cloudevents, body: any"`
	Prefix     string            `yaml:"prefix" doc:"What stands in front of the type, without the last dot. A file that builds on no other needs it." example:"prefix: com.acme"`
	Attributes attributesSpec    `yaml:",inline" part:"attributes" doc:"Where the attributes of the event are found in a delivery. Of a list the first value that is there counts; of one that is nowhere there is none."`
	Rename     map[string]string `yaml:"rename" doc:"Types as they are sent, each with the one that is published." example:"type: /type, rename: {order_paid: order.paid}"`
	Extensions map[string]string `yaml:"extensions" doc:"Extension attributes, each with the value that it has. A name is of a-z and 0-9." example:"extensions: {shopid: /shop/id}"`
	Body       string            `yaml:"body" words:"json form any auto" doc:"What a body is: json, unless it says otherwise; form (a form, or JSON), any, or auto, which is json where an attribute needs it. Another one is verified, but not what the provider sends." example:"body: form, id: 'form:order'"`
	Document   string            `yaml:"document" doc:"The field of a form that holds JSON; pointers point into that." example:"body: form, document: payload, id: /id"`
	Zone       string            `yaml:"zone" doc:"The time zone of times without an offset." example:"time: /created, zone: America/New_York"`
	Batch      string            `yaml:"batch" doc:"A JSON pointer to an array whose elements are the events; attributes are looked for in the element." example:"batch: /events, id: /id"`
	Whole      bool              `yaml:"whole" doc:"The batch is the whole body." example:"whole: true, id: /id"`
	Anew       bool              `yaml:"anew" doc:"Events without an id are never repeats: the vendor sends equal ones that mean different things." example:"anew: true"`
	Resigned   bool              `yaml:"resigned" doc:"The vendor signs a retry anew, with another time; so an event without an id is known by its body alone." example:"resigned: true"`
}

// An attributesSpec finds attributes; of a list the first value that is there counts. With
// by, a case that has the value of by is asked first.
type attributesSpec struct {
	ID      declaration.List          `yaml:"id" doc:"The id; without one it is a hash of what was signed." example:"id: [/id, 'header:X-Acme-Delivery']"`
	Type    declaration.List          `yaml:"type" doc:"The vendor's name of what happened; it goes behind the prefix." example:"type: [/type, '{json:/object}.{json:/action}']"`
	Source  declaration.List          `yaml:"source" doc:"The source, where it is not that of the Hookspan source; it has to be a URI reference." example:"source: /shop/url"`
	Subject declaration.List          `yaml:"subject" doc:"What it happened to; it is the partition key too." example:"subject: /order/id"`
	Time    declaration.List          `yaml:"time" doc:"When it happened: seconds or milliseconds since 1970, RFC 3339, an HTTP date or a local time in the zone; else it is the time of intake." example:"time: /created_at"`
	By      string                    `yaml:"by" doc:"The value that chooses a case." example:"by: 'header:X-Acme-Topic', cases: {orders: {subject: /order/id}}"`
	Cases   map[string]attributesSpec `yaml:"cases" doc:"Attributes of deliveries that have this value of by. They are asked first." example:"by: /kind, cases: {refund: {type: refund.created, subject: /refund/order}}"`
}

// An Event is one event of a delivery, and what its identity rests on.
type Event struct {
	event.Event
	// Invalid says why the delivery, which is genuine, is not what the provider sends. The event
	// then has the body as it came and whatever attributes can be told, its id among them, and
	// the request's headers in the extension hookspanheaders.
	Invalid string
	Flaws   []event.Flaw      // attributes that it came with and that were left out
	Named   bool              // the provider gave the id; else it is a hash
	Anew    bool              // without an id equal ones are different events
	Traced  bool              // it came with a traceparent of its own, which names what caused it
	Sum     [sha256.Size]byte // SHA-256 of the data
	// Signed is the hash of all that was signed, where the id is not part of that: who repeats
	// the request under another id cannot change it. Else it is zero.
	Signed [sha256.Size]byte
}
