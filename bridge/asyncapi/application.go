package asyncapi

import "encoding/json"

// An Application is what is described.
type Application struct {
	Namespace string // of the installation
	Version   string // of the program
	Intake    Listener
	Bus       Bus
	Sources   []Source
	Types     []Type // of the events, one of a name
	Endpoints []Endpoint
	// MoreEndpoints are there and not described.
	MoreEndpoints int
}

// A Listener takes webhooks in.
type Listener struct {
	Address string // host:port, of this machine where the host is empty
	TLS     bool
}

// A Bus is where events lie.
type Bus struct {
	Protocol Protocol
	Servers  []string // host:port; none where it is inside the process and takes no clients
	TLS      bool
}

// Protocol is a closed set: how clients speak to the bus.
type Protocol string

const (
	NATS  Protocol = "nats"
	Kafka Protocol = "kafka"
)

// A Source takes webhooks of one provider in.
type Source struct {
	Name     string
	Provider string
	Topic    string // of its events, or what stands in front of it
	Method   string // of HTTP that its webhooks come by; "" for POST
	URL      string // that the sender was told; "" where nobody said
}

// A Type is one of the events that lie on the bus, or will.
type Type struct {
	Name        string // CloudEvents type
	Provider    string // that is known to send it; "" for none
	Topics      []string
	ContentType string // of the data; "" where it is not known
	SchemaName  string // of Schema; types with one name share it
	Schema      json.RawMessage
	Example     []byte // data of an event of the type; empty where there is none
}

// An Endpoint gets webhooks.
type Endpoint struct {
	Name      string
	Content   string   // binary, structured, batch or data
	Signature string   // how its webhooks are signed
	Made      bool     // its bodies are made by a transform
	Types     []string // that it takes
}
