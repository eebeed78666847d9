package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/filter"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/setting"
)

// listedMost is how many deliveries a replay may list: each is an entry of its owner's from the
// beginning.
const listedMost = 100_000

// A replayRequest is what a body asks for: a part of the topics' history, or deliveries.
type replayRequest struct {
	delivery.Replay
	endpoint string // name or id, "" where it is left out
	history  bool
	from     delivery.Edge
	until    delivery.Edge
	query    map[string]json.RawMessage // of deliveries; nil: none
	one      string                     // the id of one delivery
	dry      bool
	faults   []problem.Field
}

func (q *replayRequest) fault(path, format string, args ...any) {
	q.faults = append(q.faults, problem.Field{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (q *replayRequest) err() error {
	if len(q.faults) == 0 {
		return nil
	}
	return problem.New(problem.Invalid).With("", q.faults...)
}

func readReplay(w http.ResponseWriter, r *http.Request) (*replayRequest, error) {
	dry, err := dryRun(r)
	if err != nil {
		return nil, err
	}
	fields, err := readObject(w, r, true)
	if err != nil {
		return nil, err
	}
	q := &replayRequest{dry: dry}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		q.field(name, fields[name])
	}
	kinds := 0
	for _, given := range []bool{q.history, q.query != nil, q.one != ""} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds != 1 && len(q.faults) == 0:
		q.fault("", "say what is replayed: from (a time, all or a position), query (of deliveries) or delivery, one of them")
	case !q.history && fields["until"] != nil:
		q.fault("until", "is for a replay of history: a query has one of its own")
	case !q.history && fields["filters"] != nil:
		q.fault("filters", "is for a replay of history: a query says which deliveries are meant")
	}
	return q, q.err()
}

func (q *replayRequest) field(name string, raw json.RawMessage) {
	if string(raw) == "null" {
		return
	}
	switch name {
	case "endpoint":
		q.text(name, raw, &q.endpoint)
	case "delivery":
		q.text(name, raw, &q.one)
	case "from":
		q.history = true
		q.edge(name, raw, &q.from)
	case "until":
		q.edge(name, raw, &q.until)
	case "query":
		if json.Unmarshal(raw, &q.query) != nil || q.query == nil {
			q.fault(name, "must be an object such as {\"endpoint\": \"crm\", \"status\": \"failed\"}")
		}
	case "filters":
		var list filter.List
		if err := list.Parse(string(raw)); err != nil {
			q.fault(name, "%v", err)
		}
		for _, f := range list.Check() {
			q.fault(name+f.Field, "%s", f.Message)
		}
		q.Filters = raw
	case "rate":
		var rate setting.Rate
		if q.text(name, raw, &q.Rate); q.Rate != "" {
			if err := rate.Parse(q.Rate); err != nil {
				q.fault(name, "%v", err)
			}
		}
	case "new_id":
		q.yes(name, raw, &q.NewID)
	case "dry_run":
		q.yes(name, raw, &q.dry)
	default:
		q.fault(name, "is not known; a replay takes endpoint, from, until, filters, query, delivery, rate, new_id and dry_run")
	}
}

func (q *replayRequest) text(name string, raw json.RawMessage, to *string) {
	if json.Unmarshal(raw, to) != nil || *to == "" {
		q.fault(name, "must be a text that is not empty")
	}
}

func (q *replayRequest) yes(name string, raw json.RawMessage, to *bool) {
	if json.Unmarshal(raw, to) != nil {
		q.fault(name, "must be true or false")
	}
}

// edge reads a time, "all", or the place of an event.
func (q *replayRequest) edge(name string, raw json.RawMessage, to *delivery.Edge) {
	const wanted = `must be a time such as 2026-05-01T00:00:00Z, "all", or {"topic": "…", "position": 17}`
	var text string
	if json.Unmarshal(raw, &text) == nil {
		at, err := time.Parse(time.RFC3339, text)
		switch {
		case text == "all":
			to.First = name == "from" // all of until is the end
		case err != nil:
			q.fault(name, wanted)
		default:
			to.At = at
		}
		return
	}
	var place struct {
		Topic    string `json:"topic"`
		Position *int64 `json:"position"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if dec.Decode(&place) != nil || place.Topic == "" || place.Position == nil || *place.Position < 0 {
		q.fault(name, wanted)
		return
	}
	to.Topic, to.Position = place.Topic, *place.Position
}

// A listing is the deliveries that a replay is to make, of those that are listed.
type listing struct {
	entries []delivery.Entry
	sample  []sampled
	target  *endpoint.Endpoint
}

// resolve finds the endpoint, and what the request means.
func (a *api) resolve(ctx context.Context, q *replayRequest) (*listing, error) {
	list := &listing{}
	var found []journal.Delivery
	name := q.endpoint
	switch {
	case q.one != "":
		items, err := a.look().find(q.one)
		if err != nil {
			return nil, err
		}
		for i := range items {
			found = append(found, items[i].Delivery)
		}
		if name == "" {
			name = found[0].Endpoint
		}
	case q.query != nil && name == "":
		_ = json.Unmarshal(q.query["endpoint"], &name) // what is no text is told of below
	}
	if name == "" {
		q.fault("endpoint", "is missing: say to which endpoint")
		return nil, q.err()
	}
	var err error
	if list.target, err = a.called(ctx, name); errors.Is(err, endpoint.ErrNotFound) {
		q.fault("endpoint", "there is no endpoint %q", name)
		return nil, q.err()
	} else if err != nil {
		return nil, err
	}
	if list.target.State == endpoint.Removed {
		return nil, endpoint.ErrRemoved
	}
	q.ID, q.Endpoint, q.Created = delivery.NewReplay(), list.target.ID, time.Now().UTC()
	if q.history {
		return list, a.stretch(ctx, q)
	}
	if q.query != nil {
		want, err := a.wantedOf(ctx, "query.", q.query)
		if err != nil {
			return nil, err
		}
		takes := []journal.Status{journal.Delivered, journal.Failed, journal.Discarded}
		err = a.look().matching(ctx, want, takes, func(some []journal.Delivery) error {
			if found = append(found, some...); len(found) > listedMost {
				q.fault("query", "means more than %d deliveries: narrow it, or replay from history", listedMost)
			}
			return q.err()
		})
		if err != nil {
			return nil, err
		}
	}
	list.add(q, found)
	return list, nil
}

// add lists deliveries, in the order in which they came to be.
func (list *listing) add(q *replayRequest, found []journal.Delivery) {
	for _, d := range slices.Backward(found) {
		e := d.Entry()
		entry := delivery.Entry{Endpoint: q.Endpoint, Event: e.Event, Number: 1, Due: q.Created, Created: q.Created, Replay: q.ID, NewID: q.NewID}
		entry.ID = delivery.ReplayID(q.Endpoint, &entry.Event, q.ID)
		list.entries = append(list.entries, entry)
		if len(list.sample) < sampleSize {
			list.sample = append(list.sample, sampled{Event: d.Event, Delivery: d.ID})
		}
	}
	q.Listed = len(list.entries)
}

// stretch finds what of the topics is meant.
func (a *api) stretch(ctx context.Context, q *replayRequest) error {
	if !q.from.At.IsZero() && !q.until.At.IsZero() && q.until.At.Before(q.from.At) {
		q.fault("until", "lies before from")
		return q.err()
	}
	stretches, err := a.Outbound.Stretches(ctx, q.from, q.until)
	switch {
	case errors.Is(err, delivery.ErrNoTopic):
		q.fault("from", "%v", err)
		return q.err()
	case err != nil:
		return fmt.Errorf("find what is replayed: %w", err)
	}
	q.Stretches = stretches
	for _, e := range []delivery.Edge{q.from, q.until} {
		partition := e.Topic == ""
		for p := range stretches {
			partition = partition || e.IsPartition(p) || strings.HasPrefix(string(p), e.Topic+"/")
		}
		if !partition {
			q.Topic = e.Topic
		}
	}
	return nil
}
