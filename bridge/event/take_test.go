package event_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/event/eventtest"
)

var stored = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func take(b event.Binding, headers, data, topic, id string) event.Taken {
	return event.Take(b, event.Fields(eventtest.Fields(headers)), event.Carrier{
		Topic: topic, Stored: stored, Data: []byte(data), Names: func() (string, string) { return id, "12" },
	})
}

func TestWhatIsNoEventIsWrapped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers, data, topic, id string
		want                     event.Event
	}{
		"JSON": {"", `{"a":1}`, "orders.eu", "", event.Event{
			ID: "12", Source: "/topics/orders.eu", Type: "orders.eu", DataContentType: "application/json", Data: []byte(`{"a":1}`),
		}},
		"a scalar": {"", `42`, "orders.eu", "", event.Event{
			ID: "12", Source: "/topics/orders.eu", Type: "orders.eu", DataContentType: "application/json", Data: []byte(`42`),
		}},
		"an id and a type of its own": {"Content-Type=text/csv", "x", "a b/c", "msg-1", event.Event{
			ID: "msg-1", Source: "/topics/a%20b%2Fc", Type: "a b/c", DataContentType: "text/csv", Data: []byte("x"),
		}},
		"an id and a type that cannot be": {"content-type=text/\x01", "x", "a", "\xff", event.Event{
			ID: "12", Source: "/topics/a", Type: "a", DataContentType: "text/plain; charset=utf-8", Data: []byte("x"),
		}},
		"a type that is none": {"content-type=json", `{}`, "a", "", event.Event{
			ID: "12", Source: "/topics/a", Type: "a", DataContentType: "application/json", Data: []byte(`{}`),
		}},
		"the word specversion": {"", `{"events":[{"specversion":"1.0"}]}`, "orders.eu", "", event.Event{
			ID: "12", Source: "/topics/orders.eu", Type: "orders.eu", DataContentType: "application/json", Data: []byte(`{"events":[{"specversion":"1.0"}]}`),
		}},
		"nothing": {"", "", "orders.eu", "", event.Event{ID: "12", Source: "/topics/orders.eu", Type: "orders.eu"}},
	} {
		c.want.Time = stored
		got := take(event.NATS, c.headers, c.data, c.topic, c.id)
		if diff := cmp.Diff(event.Taken{Event: c.want}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// What a message says of itself stays, and why it is no event is said; it is never another type.
func TestAnInvalidEventIsNotWrapped(t *testing.T) {
	t.Parallel()
	const structured = "content-type=application/cloudevents+json"
	for name, c := range map[string]struct {
		headers, data, reason string
		want                  event.Event
	}{
		"no id": {"ce-specversion=1.0\nce-source=/s\nce-type=t\nce-subject=x\ncontent-type=text/plain", "d", "attribute id is missing", event.Event{
			ID: "12", Source: "/s", Type: "t", Subject: "x", DataContentType: "text/plain",
		}},
		"no specversion": {"ce-id=1\nce-source=/s\nce-type=t", "d", "attribute specversion is missing", event.Event{
			ID: "1", Source: "/s", Type: "t", DataContentType: "text/plain; charset=utf-8",
		}},
		"another version": {"ce-specversion=0.3\nce-id=1\nce-source=/s\nce-type=t", "d", "attribute specversion is 0.3, not 1.0", event.Event{
			ID: "1", Source: "/s", Type: "t", DataContentType: "text/plain; charset=utf-8",
		}},
		"a control in the type": {"ce-specversion=1.0\nce-id=1\nce-source=/s\nce-type=a%07b", "d", "attribute type holds", event.Event{
			ID: "1", Source: "/s", Type: "orders", DataContentType: "text/plain; charset=utf-8",
		}},
		"a source that is no URI": {"ce-specversion=1.0\nce-id=1\nce-source=my shop\nce-type=t", "d", `attribute source "my shop" is no URI`, event.Event{
			ID: "1", Source: "/topics/orders", Type: "t", DataContentType: "text/plain; charset=utf-8",
		}},
		"and in JSON": {structured, `{"specversion":"1.0","id":"1","source":"::","type":"t"}`, `attribute source "::" is no URI`, event.Event{
			ID: "1", Source: "/topics/orders", Type: "t", DataContentType: "application/json",
		}},
		"a port that is no number": {"ce-specversion=1.0\nce-id=1\nce-source=http://host:port/\nce-type=t", "d", `attribute source "http://host:port/" is no URI`, event.Event{
			ID: "1", Source: "/topics/orders", Type: "t", DataContentType: "text/plain; charset=utf-8",
		}},
		"no id in JSON": {structured, `{"specversion":"1.0","source":"/s","type":"t","datacontenttype":"text/plain","data":"x"}`, "attribute id is missing", event.Event{
			ID: "12", Source: "/s", Type: "t", DataContentType: "application/json",
		}},
		"no JSON": {structured, `{"specversion":"1.0"`, "the body is no JSON object", event.Event{
			ID: "12", Source: "/topics/orders", Type: "orders", DataContentType: "text/plain; charset=utf-8",
		}},
		"a bare event": {"", `{"specversion":"1.0","id":"1","source":"/s"}`, "attribute type is missing", event.Event{
			ID: "1", Source: "/s", Type: "orders", DataContentType: "application/json",
		}},
		"a bare event, cut short": {"", `{"specversion":"1.0","id":"1","data":{"a":`, "the body has a specversion and is no JSON object: unexpected end", event.Event{
			ID: "12", Source: "/topics/orders", Type: "orders", DataContentType: "text/plain; charset=utf-8",
		}},
		"two bare events": {"", `{"specversion":"1.0"}` + "\n" + `{"specversion":"1.0"}`, "the body has a specversion and is no JSON object: ", event.Event{
			ID: "12", Source: "/topics/orders", Type: "orders", DataContentType: "text/plain; charset=utf-8",
		}},
		"a batch": {"content-type=application/cloudevents-batch+json", `[]`, "the content type application/cloudevents-batch+json", event.Event{
			ID: "12", Source: "/topics/orders", Type: "orders", DataContentType: "application/json",
		}},
		"both kinds of data": {structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1,"data_base64":"YQ=="}`, "it has both", event.Event{
			ID: "1", Source: "/s", Type: "t", DataContentType: "application/json",
		}},
	} {
		got := take(event.NATS, c.headers, c.data, "orders", "")
		c.want.Time, c.want.Data = stored, []byte(c.data)
		if diff := cmp.Diff(c.want, got.Event); diff != "" || !strings.HasPrefix(got.Fault, c.reason) {
			t.Errorf("%s: %q %s", name, got.Fault, diff)
		}
		if err := got.Event.Validate(); err != nil {
			t.Errorf("%s: what goes to the quarantine: %v", name, err)
		}
	}
}

func TestABadOptionalAttributeCostsThatAttribute(t *testing.T) {
	t.Parallel()
	const structured = "content-type=application/cloudevents+json"
	const core, headers = `"specversion":"1.0","id":"1","source":"s","type":"t"`, "ce_specversion=1.0\nce_id=1\nce_source=s\nce_type=t\n"
	for name, c := range map[string]struct{ headers, data, flaw string }{
		"no zone":               {headers + "ce_time=2024-01-01T10:00:00.123456", "", "time"},
		"a zone's name":         {structured, `{` + core + `,"time":"2020-07-16T13:53:54.545218America/Los_Angeles"}`, "time"},
		"a zone without colon":  {headers + "ce_time=2024-01-01T10:00:00+0000", "", "time"},
		"time as a number":      {structured, `{` + core + `,"time":1700000000}`, "time"},
		"an underscore":         {headers + "ce_event_source=x", "", "event_source"},
		"an underscore in JSON": {structured, `{` + core + `,"event_source":"x"}`, "event_source"},
		"an own name in JSON":   {structured, `{` + core + `,"Id":"x"}`, "Id"},
		"an object":             {structured, `{` + core + `,"x":{}}`, "x"},
		"subject as a number":   {structured, `{` + core + `,"subject":7}`, "subject"},
		"a control":             {headers + "ce_subject=a\x00", "", "subject"},
		"a control in JSON":     {structured, `{` + core + `,"subject":"a\u0085"}`, "subject"},
		"no UTF-8":              {headers + "ce_x=\xed\xa0\x80", "", "x"},
		"half a pair in JSON":   {structured, `{` + core + `,"x":"\ud83d"}`, "x"},
		"no UTF-8 in JSON":      {structured, `{` + core + ",\"x\":\"\xff\"}", "x"},
		"a schema, no URI":      {headers + "ce_dataschema=::not a uri", "", "dataschema"},
		"a schema in JSON":      {structured, `{` + core + `,"dataschema":"%zz"}`, "dataschema"},
		"a schema, no scheme":   {headers + "ce_dataschema=/order.json", "", "dataschema"},
		"a type, no media type": {headers + "content-type=nope", "", "datacontenttype"},
		"and in JSON":           {structured, `{` + core + `,"datacontenttype":"nope"}`, "datacontenttype"},
		"an empty subject":      {headers + "ce_subject=", "", "subject"},
		"an empty time":         {headers + "ce_time=", "", "time"},
		"empty in JSON":         {structured, `{` + core + `,"subject":""}`, "subject"},
		"no type in JSON":       {structured, `{` + core + `,"datacontenttype":""}`, "datacontenttype"},
		"no time in JSON":       {structured, `{` + core + `,"time":""}`, "time"},
		"a type with a control": {headers + "content-type=text/\x02", "", "datacontenttype"},
	} {
		got := take(event.Kafka, c.headers, c.data, "orders", "")
		if diff := cmp.Diff(*eventtest.Smallest(), got.Event); diff != "" || got.Fault != "" || len(got.Flaws) != 1 || got.Flaws[0].Attribute != c.flaw {
			t.Errorf("%s: %q %+v %s", name, got.Fault, got.Flaws, diff)
		}
	}
}

// A message is read many times: for each attempt, by each owner. It must say the same each time.
func TestReadingIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	headers := map[string][]string{
		"ce-specversion": {"1.0"}, "ce-id": {"1"}, "Ce-Id": {"2"}, "CE-ID": {"3"}, "ce-source": {"s"}, "ce-type": {"t"},
		"ce-X": {"1"}, "Ce-x": {"2"}, "content-type": {"a/b"}, "Content-Type": {"c/d"},
	}
	doc := []byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","aB":"1","Ab":"2","AB":"3","b_":1,"c_":1}`)
	bad := []byte(`{"specversion":"1.0","id":1,"source":"\u0000","type":2}`)
	strange := map[string][]string{"ce_specversion": {"1.0"}, "ce_id": {"1"}, "CE_ID": {"2"}, "ce_source": {"s"}, "ce_type": {"t"}}
	var binary, structured, invalid, wrapped event.Taken
	for i := range 50 {
		b := event.Take(event.NATS, event.HeaderMap(headers), event.Carrier{})
		s := take(event.NATS, "content-type=application/cloudevents+json", string(doc), "", "")
		n := take(event.NATS, "content-type=application/cloudevents+json", string(bad), "", "")
		w := event.Take(event.NATS, event.HeaderMap(strange), event.Carrier{Names: func() (string, string) { return "", "1" }})
		if i == 0 {
			binary, structured, invalid, wrapped = b, s, n, w
			continue
		}
		if diff := cmp.Diff(binary, b) + cmp.Diff(structured, s) + cmp.Diff(invalid, n) + cmp.Diff(wrapped, w); diff != "" {
			t.Fatal(diff)
		}
	}
	if binary.Event.ID != "1" || binary.Event.DataContentType != "a/b" || structured.Event.Extension("ab") != "3" {
		t.Errorf("%+v %+v", binary.Event, structured.Event)
	}
}
