package admin

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/dataschema"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/spelling"
)

const (
	exampleBytes = 64 << 10        // of an example's data
	exampleTime  = 2 * time.Second // for an example, and for an inferred schema
	spellBytes   = 128             // of a type for which others are proposed, and of those
	spellMost    = 2000            // types among which one is sought that may be meant
)

// A shownType is what is shown of a single type beside what a list has.
type shownType struct {
	Document json.RawMessage `json:"schema_document,omitempty"`
	Inferred map[string]any  `json:"inferred_schema,omitempty"` // of what arrived, where there is no schema
	Example  json.RawMessage `json:"example,omitempty"`         // an event in the JSON format of CloudEvents
	Of       exampleOf       `json:"example_of,omitempty"`      // where it is from
}

// exampleOf says what an example is; a closed set.
type exampleOf string

const (
	ofEvent  exampleOf = "event"  // the newest event of the type
	ofSample exampleOf = "sample" // made up, as the provider's events are
)

// getType shows one type.
func (a *api) getType(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err(); err != nil {
		return err
	}
	c, err := a.catalogue(r.Context(), seenWithin, r.PathValue("type"))
	if err != nil {
		return err
	}
	v := c.types[r.PathValue("type")]
	if v == nil {
		return c.unknown(r.PathValue("type"), "no event of this type was seen, and no provider of a source here is known to send it")
	}
	a.takers(v, takersShown)
	v.shownType = &shownType{}
	if declared := a.declared(v.Type); declared != nil {
		v.Document = declared.Document
	} else {
		a.inferred(r.Context(), v)
	}
	a.exemplify(r.Context(), v)
	return write(w, http.StatusOK, v)
}

// unknown says that there is no such type, and which one may be meant.
func (c *catalogue) unknown(eventType, why string) error {
	delete(c.types, eventType)                                     // it may be declared, and nothing have come
	if len(eventType) <= spellBytes && len(c.types) <= spellMost { // it takes long to compare more
		known := slices.DeleteFunc(slices.Collect(maps.Keys(c.types)), func(name string) bool { return len(name) > spellBytes })
		if near := spelling.Nearest(eventType, known); near != "" {
			why += "; did you mean " + near + "?"
		}
	}
	return problem.New(problem.NotFound).With(why)
}

// declared is the newest schema of a type, nil where there is none.
func (a *api) declared(eventType string) *dataschema.Schema {
	if a.Schemas == nil {
		return nil
	}
	if versions := a.Schemas().For(eventType); len(versions) > 0 {
		return versions[0]
	}
	return nil
}

// inferred makes a schema of what arrived, if there is anything, and time.
func (a *api) inferred(ctx context.Context, v *typeView) {
	if a.Types == nil || v.Count == 0 {
		return
	}
	found, err := a.Types.NewestOf(ctx, v.Type, inferLast, exampleTime)
	if err != nil || len(found.Found) == 0 {
		return // GET …/inferred says why
	}
	look := lookView{Type: v.Type, Looked: found.Looked, Partial: found.Partial}
	shape := look.into(found.Found)
	if look.Without < look.Events {
		v.Inferred = look.schemaOf(shape)
	}
}

// exemplify takes the newest event as the example, else the provider's sample.
func (a *api) exemplify(ctx context.Context, v *typeView) {
	if a.Types != nil && v.newest.Partition != "" {
		ctx, end := context.WithTimeout(ctx, exampleTime)
		defer end()
		m, err := a.Types.Stored(ctx, v.newest)
		if err == nil && m.Event.Type == v.Type && len(m.Event.Data) <= exampleBytes {
			v.Example, v.Of = event.AppendStructured(nil, m.Event), ofEvent
			return
		}
	}
	if v.sample != nil {
		e := event.Event{ID: "sample", Source: "/sources/sample", Type: v.Type, DataContentType: v.sample.DataContentType, Data: v.sample.Data}
		v.Example, v.Of = event.AppendStructured(nil, &e), ofSample
	}
}
