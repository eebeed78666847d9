package asyncapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/asyncapi"
)

var update = flag.Bool("update", false, "write the documents in testdata")

// shop has what there can be: a type with a schema and one without, data that is no JSON, names that
// are no keys, endpoints of each content.
func shop(bus asyncapi.Bus) *asyncapi.Application {
	const schema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://hookspan.example/order.json","type":"object","description":"An order.",` +
		`"properties":{"id":{"type":"integer","description":"Its number.","examples":[7]}},"required":["id"]}`
	return &asyncapi.Application{
		Namespace: "hookspan", Version: "v1.2.3", Bus: bus, Intake: asyncapi.Listener{Address: ":8443", TLS: true},
		Sources: []asyncapi.Source{
			{Name: "shop", Provider: "sticker", Topic: "hookspan.events.shop"},
			{Name: "sms", Provider: "twilio", Topic: "hookspan.events.sms", Method: "GET", URL: "https://hooks.example.com/in/sms"},
		},
		Types: []asyncapi.Type{
			{Name: "com.example:paid/1", Topics: []string{"billing"}},
			{Name: "com.example_paid/1", Topics: []string{"billing", "hookspan.events.shop.odd"}, ContentType: "text/plain", Example: []byte("paid")},
			{Name: "com.sticker.order.created", Provider: "sticker", Topics: []string{"hookspan.events.shop.order.created"}, ContentType: "application/json", SchemaName: "com.sticker.order", Schema: json.RawMessage(schema), Example: []byte(`{"id":7}`)},
			{Name: "com.sticker.order.shipped", Provider: "sticker", Topics: []string{"hookspan.events.shop.order.shipped"}, ContentType: "application/json", SchemaName: "com.sticker.order", Schema: json.RawMessage(schema)},
		},
		Endpoints: []asyncapi.Endpoint{
			{Name: "archive", Content: "batch", Signature: "standard"},
			{Name: "bare", Content: "data", Signature: "hmac", Types: []string{"com.sticker.order.created"}},
			{Name: "crm", Content: "binary", Signature: "standard", Types: []string{"com.example_paid/1", "com.sticker.order.created", "gone"}},
			{Name: "erp", Content: "structured", Signature: "provider:stripe", Types: []string{"com.sticker.order.created"}},
			{Name: "made", Content: "binary", Signature: "standard", Made: true, Types: []string{"com.sticker.order.created"}},
		},
		MoreEndpoints: 3,
	}
}

// The documents in testdata are held against the specification by its authors' own parser.
func TestDescriptionsAreAsTheyWere(t *testing.T) {
	t.Parallel()
	for name, bus := range map[string]asyncapi.Bus{
		"inside": {Protocol: asyncapi.NATS},
		"nats":   {Protocol: asyncapi.NATS, Servers: []string{"n1:4222", "n2:4222"}, TLS: true},
		"kafka":  {Protocol: asyncapi.Kafka, Servers: []string{"0.0.0.0:9092"}},
	} {
		text, err := asyncapi.Describe(shop(bus))
		if err != nil {
			t.Fatal(err)
		}
		again, err := asyncapi.Describe(shop(bus))
		if err != nil || !bytes.Equal(text, again) {
			t.Errorf("%s: the second document is another: %v", name, err)
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, append(text, '\n'), "", "  "); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(path, indented.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(indented.Bytes(), want) {
			t.Errorf("%s: the document has changed; -update writes it", name)
		}
	}
}

// Every reference leads to something, and every key is one that AsyncAPI takes.
func TestReferencesLeadSomewhere(t *testing.T) {
	t.Parallel()
	text, err := asyncapi.Describe(shop(asyncapi.Bus{Protocol: asyncapi.Kafka, Servers: []string{"k:9093"}, TLS: true}))
	if err != nil {
		t.Fatal(err)
	}
	var root any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(node any)
	walk = func(node any) {
		switch n := node.(type) {
		case []any:
			for _, v := range n {
				walk(v)
			}
		case map[string]any:
			if ref, ok := n["$ref"].(string); ok {
				seen++
				at := root
				for word := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
					at, _ = at.(map[string]any)[word]
				}
				if at == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, v := range n {
				walk(v)
			}
		}
	}
	walk(root)
	if seen < 20 {
		t.Errorf("%d references", seen)
	}
	for _, part := range []string{"servers", "channels", "operations"} {
		for key := range root.(map[string]any)[part].(map[string]any) {
			if strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != "" {
				t.Errorf("%s has the key %q", part, key)
			}
		}
	}
	if strings.Count(string(text), `"kafka-secure"`) != 1 {
		t.Error("it does not say that the bus speaks TLS")
	}
}

func TestABadSchemaIsAnError(t *testing.T) {
	t.Parallel()
	a := shop(asyncapi.Bus{Protocol: asyncapi.NATS})
	a.Types[2].Schema = json.RawMessage(`[]`)
	if _, err := asyncapi.Describe(a); err == nil || !strings.Contains(err.Error(), "com.sticker.order.created") {
		t.Errorf("%v", err)
	}
}
