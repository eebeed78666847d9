package draft

import (
	"net/url"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// An event is where its attributes are; "" for one that was not found.
type event struct {
	id, kind, subject, time string
	body                    string // json, form or any
	whole                   bool   // the body is an array of events
}

// The places in bodies where vendors put attributes, commonest first.
var (
	idPlaces      = []string{"/id", "/event_id", "/eventId", "/event/id", "/webhook_id", "/webhookId", "/delivery_id", "/message_id", "/messageId", "/notification_id", "/uuid", "/data/id"}
	kindPlaces    = []string{"/type", "/event_type", "/eventType", "/event_name", "/eventName", "/event", "/topic", "/action", "/kind", "/event/type", "/event/name", "/data/type"}
	timePlaces    = []string{"/created_at", "/createdAt", "/timestamp", "/occurred_at", "/occurredAt", "/event_time", "/eventTime", "/created", "/time", "/date", "/sent_at"}
	subjectPlaces = []string{"/data/id", "/data/object/id", "/object/id", "/resource/id", "/data/order_id", "/order_id", "/order/id", "/customer_id", "/payload/id"}
)

// A document is the body, as far as places are looked for in it.
type document struct {
	kind   pointer.Kind
	values map[string]string
}

// read reads the JSON of the body in one pass; of an array its first element.
func (d *drafting) read() (doc document) {
	set, slots := pointer.NewSet(), map[string]int{}
	for _, place := range slices.Concat(idPlaces, kindPlaces, timePlaces, subjectPlaces) {
		for _, front := range []string{"", "/0"} {
			if slot, err := set.Add(front + place); err == nil {
				slots[front+place] = slot
			}
		}
	}
	out := make([]pointer.Value, set.Len())
	kind, err := set.Scan(d.doc, out)
	if err != nil {
		return document{}
	}
	doc = document{kind, map[string]string{}}
	for place, slot := range slots {
		doc.values[place] = out[slot].Text()
	}
	return doc
}

// findEvent finds the attributes, as far as they can be told.
func (d *drafting) findEvent() {
	d.body = d.read()
	e := &d.event
	switch {
	case d.body.kind == pointer.Object || d.body.kind == pointer.Array:
		e.body, e.whole = "json", d.body.kind == pointer.Array
	case scheme.MediaOf(d.request.Header.Get("Content-Type")) == scheme.FormType:
		e.body = "form"
	default:
		e.body = "any"
	}
	ids, kinds := d.headers(idRank), d.headers(kindRank)
	if e.whole {
		ids = nil // all events of a body share its headers
	}
	e.id = d.pick("the id", append(ids, d.inBody(idPlaces)...), func(string) bool { return true })
	e.kind = d.pick("the type", append(kinds, d.inBody(kindPlaces)...), func(value string) bool {
		return len(value) <= 100 && readable(value) && strings.Trim(value, "0123456789") != ""
	})
	sent := slices.DeleteFunc(d.times(d.way.place), func(ref string) bool { return strings.HasPrefix(ref, "item:") })
	e.time = d.pick("the time", append(d.inBody(timePlaces), sent...), func(value string) bool {
		_, ok := plausible(value)
		return ok
	})
	e.subject = d.pick("the subject", slices.DeleteFunc(d.inBody(subjectPlaces), func(place string) bool { return place == e.id }), func(string) bool { return true })
}

// inBody writes places as those of a form or of the query, where the delivery has no JSON.
func (d *drafting) inBody(places []string) []string {
	front := ""
	switch {
	case slices.Contains(scheme.Bodiless, d.request.Method):
		front = "query:"
	case d.event.body == "form":
		front = "form:"
	case d.event.body == "any":
		return nil
	default:
		return slices.Clone(places)
	}
	var refs []string
	for _, place := range places {
		if name := place[1:]; !strings.Contains(name, "/") {
			refs = append(refs, front+name)
		}
	}
	return refs
}

// pick takes the first place whose value fits. What proves the request is none.
func (d *drafting) pick(what string, refs []string, fits func(string) bool) string {
	for _, ref := range refs {
		if ref == "header:"+d.way.header || ref == d.way.token {
			continue
		}
		if value, ok := d.value(ref); ok && fits(value) {
			d.note(Guessed, "%s of an event is %s", what, ref)
			return ref
		}
	}
	d.note(NotFound, "%s of an event", what)
	return ""
}

// value is what stands in a place of the request.
func (d *drafting) value(ref string) (value string, ok bool) {
	kind, name, _ := strings.Cut(ref, ":")
	switch {
	case strings.HasPrefix(ref, "/") && d.event.whole:
		value = d.body.values["/0"+ref]
	case strings.HasPrefix(ref, "/"):
		value = d.body.values[ref]
	case kind == "header":
		value = first(d.request.Header[name])
	case kind == "query":
		value = first(query(d.request)[name])
	case kind == "form":
		value = first(d.form()[name])
	case kind == "item":
		for entry := range strings.SplitSeq(first(d.request.Header[d.way.header]), d.way.separator) {
			if text, found := strings.CutPrefix(strings.TrimSpace(entry), name+"="); found {
				return text, true
			}
		}
	}
	return value, value != ""
}

// maxForm is the largest form in which places are looked for.
const maxForm = 1 << 20

func (d *drafting) form() url.Values {
	if d.event.body != "form" || len(d.doc) > maxForm {
		return nil
	}
	values, _ := url.ParseQuery(string(d.doc)) // what can be read of it
	return values
}
