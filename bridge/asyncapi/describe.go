package asyncapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Version is that of the specification.
const Version = "3.1.0"

// Describe makes the document.
func Describe(a *Application) ([]byte, error) {
	d := &description{
		application: a, ids: map[string]string{}, taken: map[string]bool{},
		document: document{
			AsyncAPI: Version,
			Info: info{
				Title: "Hookspan: " + a.Namespace, Version: cmp.Or(a.Version, "unknown"),
				Description: "Webhooks that come in by HTTP, the events that they become on the bus, and the webhooks that endpoints get of those. Events are CloudEvents 1.0.",
			},
			ContentType: "application/json",
			Servers:     map[string]server{}, Channels: map[string]channel{}, Operations: map[string]operation{},
			Components: components{Messages: map[string]message{}, Schemas: map[string]json.RawMessage{}},
		},
	}
	if a.MoreEndpoints > 0 {
		d.Info.Description += fmt.Sprintf(" %d more endpoints are not described.", a.MoreEndpoints)
	}
	d.intake()
	bus := d.bus()
	for i := range a.Types {
		if err := d.event(&a.Types[i], bus); err != nil {
			return nil, err
		}
	}
	d.endpoints()
	text, err := json.Marshal(d.document)
	if err != nil {
		return nil, fmt.Errorf("write the document: %w", err)
	}
	return text, nil
}

// A description is a document that is being made.
type description struct {
	document
	application *Application
	ids         map[string]string // of what has one, by kind and name
	taken       map[string]bool   // ids
}

// id is a key that AsyncAPI takes, one for each name of a kind: letters, digits, dot, - and _.
func (d *description) id(kind, name string) string {
	known := kind + "\x00" + name
	if id := d.ids[known]; id != "" {
		return id
	}
	front := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, kind+name)
	id := front
	for n := 2; d.taken[id]; n++ {
		id = front + "_" + strconv.Itoa(n)
	}
	d.ids[known], d.taken[id] = id, true
	return id
}

func to(words ...string) reference { return reference{"#/" + strings.Join(words, "/")} }

// intake is a channel and an operation for each source.
func (d *description) intake() {
	d.Servers["intake"] = server{
		Host: "{intake}", Protocol: protocol("http", d.application.Intake.TLS), Description: "Takes webhooks in.",
		Variables: map[string]variable{"intake": {Default: nearby(d.application.Intake.Address), Description: "Host, and port, by which senders reach the intake."}},
	}
	for i := range d.application.Sources {
		s := &d.application.Sources[i]
		id := d.id("webhooks.", s.Name)
		path, at := "/webhooks/"+s.Name, "intake"
		if told, err := url.Parse(s.URL); err == nil && told.Host != "" {
			at, path = id, cmp.Or(told.EscapedPath(), "/")
			d.Servers[at] = server{Host: told.Host, Protocol: told.Scheme, Description: "Takes webhooks of " + s.Name + " in."}
		}
		d.Components.Messages[id] = message{
			Name: id, Title: "Webhook of " + s.Provider, Summary: "As the provider signs and writes it. Its events lie on " + s.Topic + ", or below.",
		}
		d.Channels[id] = channel{
			Address: &path, Title: "Webhooks of " + s.Name, Servers: []reference{to("servers", at)},
			Messages: map[string]reference{"webhook": to("components", "messages", id)},
		}
		d.Operations["take."+id] = operation{
			Action: receive, Channel: to("channels", id), Summary: "Verifies webhooks of " + s.Provider + ", and answers 2xx once their events are durable.",
			Bindings: bindings{"http": {"method": cmp.Or(s.Method, "POST"), "bindingVersion": "0.3.0"}},
		}
	}
}

// bus names its servers, of which every topic is.
func (d *description) bus() (servers []reference) {
	b := d.application.Bus
	name := string(b.Protocol)
	if b.Protocol == Kafka && b.TLS {
		name = "kafka-secure"
	}
	about := "Holds the events."
	if b.TLS {
		about += " Speaks TLS."
	}
	if len(b.Servers) == 0 {
		d.Servers["bus"] = server{
			Host: "{bus}", Protocol: name, Description: "Holds the events, inside the process. It takes clients once HOOKSPAN_EMBEDDED_LISTEN is set.",
			Variables: map[string]variable{"bus": {Default: "localhost:4222", Description: "Host and port of HOOKSPAN_EMBEDDED_LISTEN."}},
		}
		return []reference{to("servers", "bus")}
	}
	for i, address := range b.Servers {
		id := "bus"
		if len(b.Servers) > 1 {
			id += "-" + strconv.Itoa(i+1)
		}
		d.Servers[id] = server{Host: nearby(address), Protocol: name, Description: about}
		servers = append(servers, to("servers", id))
	}
	return servers
}

// event is a message for a type, in the channel of each of its topics.
func (d *description) event(t *Type, servers []reference) error {
	id := d.id("", t.Name)
	m := message{Name: t.Name, Title: t.Name, ContentType: t.ContentType, Headers: d.headers(d.prefix(), t)}
	if t.Provider != "" {
		m.Summary = "Of provider " + t.Provider + "."
	}
	if err := d.payload(&m, t); err != nil {
		return err
	}
	if d.application.Bus.Protocol == Kafka {
		m.Bindings = bindings{"kafka": {
			"key": map[string]any{"type": "string", "description": "The event's partitionkey, where it has one."}, "bindingVersion": "0.5.0",
		}}
	}
	d.Components.Messages[id] = m
	for _, topic := range t.Topics {
		d.topic(topic, servers)[id] = to("components", "messages", id)
	}
	return nil
}

// payload says what the data is, and shows some.
func (d *description) payload(m *message, t *Type) error {
	if t.Schema != nil {
		name := d.id("schema.", t.SchemaName)
		if d.Components.Schemas[name] == nil {
			own, err := embedded(t.Schema)
			if err != nil {
				return fmt.Errorf("read the schema of %s: %w", t.Name, err)
			}
			d.Components.Schemas[name] = own
		}
		m.Payload = to("components", "schemas", name)
	}
	switch {
	case len(t.Example) == 0:
	case json.Valid(t.Example):
		m.Examples = []example{{json.RawMessage(t.Example)}}
	case t.Schema == nil:
		m.Examples = []example{{string(t.Example)}}
	}
	return nil
}

// embedded is a schema as a part of the document, which speaks draft 07 and knows nothing of other
// places.
func embedded(schema json.RawMessage) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(schema, &members); err != nil {
		return nil, err
	}
	delete(members, "$schema")
	delete(members, "$id")
	return json.Marshal(members)
}

// headers are those of an event in binary mode.
func (d *description) headers(prefix string, t *Type) any {
	text := func(about string) map[string]any { return map[string]any{"type": "string", "description": about} }
	of := map[string]any{
		prefix + "specversion": map[string]any{"type": "string", "const": "1.0"},
		prefix + "type":        map[string]any{"type": "string", "const": t.Name},
		prefix + "id":          text("The event's id; with its source one of its own."),
		prefix + "source":      text("Where the event is from."),
		prefix + "time":        text("When it happened (RFC 3339)."),
		prefix + "subject":     text("What it is about."),
		prefix + "dataschema":  text("Schema of the data."),
	}
	return map[string]any{"type": "object", "properties": of, "required": []string{prefix + "specversion", prefix + "type", prefix + "id", prefix + "source"}}
}

// prefix stands in front of attributes in headers of the bus.
func (d *description) prefix() string {
	if d.application.Bus.Protocol == Kafka {
		return "ce_"
	}
	return "ce-"
}

// topic is what lies on one, by id.
func (d *description) topic(name string, servers []reference) map[string]reference {
	id := d.id("topic.", name)
	if c, there := d.Channels[id]; there {
		return c.Messages
	}
	c := channel{Address: &name, Title: "Topic " + name, Servers: servers, Messages: map[string]reference{}}
	operations := bindings{string(NATS): {"bindingVersion": "0.1.0"}}
	if d.application.Bus.Protocol == Kafka {
		c.Bindings = bindings{"kafka": {"topic": name, "bindingVersion": "0.5.0"}}
		operations = bindings{"kafka": {"bindingVersion": "0.5.0"}}
	}
	d.Channels[id] = c
	if s := d.sourceOf(name); s != nil {
		d.Operations["publish."+id] = operation{
			Action: send, Channel: to("channels", id), Bindings: operations,
			Summary: "Publishes the events of source " + s.Name + " in the binary mode of CloudEvents.",
		}
	}
	d.Operations["follow."+id] = operation{
		Action: receive, Channel: to("channels", id), Bindings: operations,
		Summary: "Takes events, of whoever publishes them, for the endpoints that want them. Structured mode is read, too.",
	}
	return c.Messages
}

// sourceOf is the source whose events lie on a topic; nil for none.
func (d *description) sourceOf(topic string) (found *Source) {
	for i := range d.application.Sources {
		s := &d.application.Sources[i]
		if topic == s.Topic || strings.HasPrefix(topic, s.Topic+".") {
			if found == nil || len(s.Topic) > len(found.Topic) {
				found = s
			}
		}
	}
	return found
}

// endpoints are a channel and an operation each, without their URLs.
func (d *description) endpoints() {
	if len(d.application.Endpoints) == 0 {
		return
	}
	d.Servers["endpoints"] = server{
		Host: "{endpoint}", Protocol: "https", Description: "Takes webhooks of one endpoint. Where each is, the admin API says to those who may know.",
		Variables: map[string]variable{"endpoint": {Default: "endpoint.example", Description: "Host of an endpoint."}},
	}
	for i := range d.application.Endpoints {
		e := &d.application.Endpoints[i]
		id := d.id("endpoint.", e.Name)
		d.Channels[id] = channel{
			Title: "Webhooks to " + e.Name, Servers: []reference{to("servers", "endpoints")}, Messages: d.delivered(e),
		}
		d.Operations["deliver."+id] = operation{
			Action: send, Channel: to("channels", id), Summary: "Sends events as webhooks, signed as " + e.Signature + ", until they are taken or given up.",
			Bindings: bindings{"http": {"method": "POST", "bindingVersion": "0.3.0"}},
		}
	}
}

// delivered are the webhooks that an endpoint gets: by type, where the body is the event's data, and
// else of one kind.
func (d *description) delivered(e *Endpoint) map[string]reference {
	all := map[string]reference{}
	if e.Made || e.Content != "binary" && e.Content != "data" {
		one := map[string]message{
			"structured": {Title: "One CloudEvent in the JSON format", ContentType: "application/cloudevents+json"},
			"batch":      {Title: "Several CloudEvents in the JSON batch format", ContentType: "application/cloudevents-batch+json"},
		}[e.Content]
		if e.Made {
			one = message{Title: "What the endpoint's transform makes of an event"}
		}
		id := d.id("delivered.", e.Name)
		one.Name = id
		d.Components.Messages[id] = one
		all["webhook"] = to("components", "messages", id)
		return all
	}
	for _, t := range e.Types {
		i, found := slices.BinarySearchFunc(d.application.Types, t, func(t Type, name string) int { return strings.Compare(t.Name, name) })
		if !found {
			continue
		}
		of := &d.application.Types[i]
		id := d.id("delivered."+e.Content+".", t)
		if _, there := d.Components.Messages[id]; !there {
			m := d.Components.Messages[d.id("", t)]
			m.Headers, m.Bindings = nil, nil
			if e.Content == "binary" {
				m.Headers = d.headers("ce-", of)
			}
			d.Components.Messages[id] = m
		}
		all[d.id("", t)] = to("components", "messages", id)
	}
	return all
}

func protocol(name string, tls bool) string {
	if tls {
		return name + "s"
	}
	return name
}

// nearby is an address as somebody on this machine would reach it.
func nearby(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return cmp.Or(address, "localhost")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
