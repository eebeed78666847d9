package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/infer"
	"github.com/hookspan/hookspan/bridge/problem"
)

const (
	inferLast = 100 // events
	inferMost = 1000
	inferTime = 5 * time.Second // for finding them
)

// A lookView says which events were looked into.
type lookView struct {
	Type    string    `json:"type"`
	Events  int       `json:"events"`            // that were looked into, the newest
	Without int       `json:"without_json"`      // of them, those whose data is no JSON, or that have none
	Looked  int64     `json:"looked"`            // events through which it was looked for them
	Since   time.Time `json:"since"`             // when the oldest of them was stored
	Until   time.Time `json:"until"`             // and the newest
	Partial bool      `json:"partial,omitempty"` // the time did not suffice: there may be newer ones
	LeftOut bool      `json:"left_out,omitempty"`
}

// An inferredView is a schema that was inferred.
type inferredView struct {
	lookView
	Schema map[string]any `json:"schema"`
}

// A diffView is how events are not what their schema says.
type diffView struct {
	lookView
	Schema      string             `json:"schema"` // its $id
	Different   bool               `json:"different"`
	More        bool               `json:"more,omitempty"` // than Differences
	Differences []infer.Difference `json:"differences"`
}

// inferType makes a schema of the newest events of a type.
func (a *api) inferType(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "last")
	last := q.last()
	if err := q.err(); err != nil {
		return err
	}
	shape, look, err := a.shapeOf(r, last)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, inferredView{look, look.schemaOf(shape)})
}

// schemaOf says what it was inferred from.
func (v *lookView) schemaOf(shape *infer.Shape) map[string]any {
	schema := shape.Schema(v.Type)
	which := "the newest"
	if v.Partial {
		which = "those found in time,"
	}
	schema["description"] = fmt.Sprintf("Inferred from %s %d events of the type, stored from %s to %s.",
		which, v.Events-v.Without, v.Since.Format(time.RFC3339), v.Until.Format(time.RFC3339))
	return schema
}

// diffType holds the newest events of a type against its schema.
func (a *api) diffType(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "last")
	last := q.last()
	if err := q.err(); err != nil {
		return err
	}
	kind := r.PathValue("type")
	declared := a.declared(kind)
	if declared == nil {
		return problem.New(problem.NotFound).With("no schema is known for the type; /v1/event-types/{type}/inferred makes one of what arrived")
	}
	shape, look, err := a.shapeOf(r, last)
	if err != nil {
		return err
	}
	differences, more, err := infer.Diff(declared.Document, shape)
	if err != nil {
		return err
	}
	v := diffView{lookView: look, Schema: a.Schemas().URL(declared), Different: len(differences) > 0, More: more, Differences: differences}
	if v.Differences == nil {
		v.Differences = []infer.Difference{}
	}
	return write(w, http.StatusOK, v)
}

// last is how many events are looked into.
func (q *query) last() int {
	text := q.text("last")
	if text == "" {
		return inferLast
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > inferMost {
		q.fault("last", fmt.Sprintf("must be a number between 1 and %d", inferMost))
	}
	return n
}

// shapeOf looks into the newest events of the type that the path names.
func (a *api) shapeOf(r *http.Request, last int) (*infer.Shape, lookView, error) {
	look := lookView{Type: r.PathValue("type")}
	if a.Types == nil {
		return nil, look, problem.New(problem.Unavailable).With("what is stored cannot be looked at here")
	}
	found, err := a.Types.NewestOf(r.Context(), look.Type, last, inferTime)
	if err != nil {
		return nil, look, err
	}
	look.Looked, look.Partial = found.Looked, found.Partial
	switch {
	case len(found.Found) > 0:
		return look.into(found.Found), look, nil
	case found.Partial:
		return nil, look, problem.New(problem.Unavailable).With(fmt.Sprintf("no event of this type was found in time, among %d that were looked through; ask again, or later", look.Looked))
	}
	c, err := a.catalogue(r.Context(), seenWithin, look.Type)
	if err != nil {
		return nil, look, err
	}
	return nil, look, c.unknown(look.Type, fmt.Sprintf("no event of this type is among the newest %d", look.Looked))
}

// into looks into events, one at least, the newest one first.
func (v *lookView) into(found []bus.Message) *infer.Shape {
	shape := infer.New()
	for i := range found {
		if shape.Add(found[i].Event.Data) != nil {
			v.Without++
		}
		found[i].Event = nil // its data takes room
	}
	v.Events, v.LeftOut = len(found), shape.LeftOut()
	v.Until, v.Since = found[0].Stored.UTC(), found[len(found)-1].Stored.UTC()
	return shape
}
