package naming

import (
	"crypto/sha256"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// An eventSpec says how a delivery becomes a CloudEvent.
type Spec struct {
	Format     string            `yaml:"format"`   // cloudevents, when the delivery is one already
	Prefix     string            `yaml:"prefix"`   // of the type, without the last dot
	Body       string            `yaml:"body"`     // json (usual), form (a form or JSON), any, auto (JSON where a pointer needs it)
	Document   string            `yaml:"document"` // the field of a form that holds the JSON
	Zone       string            `yaml:"zone"`     // of times without an offset
	Batch      string            `yaml:"batch"`    // JSON pointer to an array whose elements are the events
	Whole      bool              `yaml:"whole"`    // the batch is the whole body
	Resigned   bool              `yaml:"resigned"` // the vendor signs a retry anew, with another time: without an id an event is its body
	Rename     map[string]string `yaml:"rename"`   // type as sent, type as published
	Extensions map[string]string `yaml:"extensions"`

	Attributes attributesSpec `yaml:",inline"`
}

// An attributesSpec finds attributes; of a list the first value that is there counts. With
// by, a case that has the value of by is asked first.
type attributesSpec struct {
	ID      declaration.List          `yaml:"id"`
	Type    declaration.List          `yaml:"type"`
	Source  declaration.List          `yaml:"source"`
	Subject declaration.List          `yaml:"subject"`
	Time    declaration.List          `yaml:"time"`
	By      string                    `yaml:"by"`
	Cases   map[string]attributesSpec `yaml:"cases"`
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
	Traced  bool              // it came with a traceparent of its own, which names what caused it
	Sum     [sha256.Size]byte // SHA-256 of the data
	// Signed is the hash of all that was signed, where the id is not part of that: who repeats
	// the request under another id cannot change it. Else it is zero.
	Signed [sha256.Size]byte
}
