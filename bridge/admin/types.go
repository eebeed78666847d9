package admin

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/sighting"
)

// Types finds what there is to know of the types of events on the followed topics.
type Types interface {
	// Sightings says which types were seen, as of so long ago at the most.
	Sightings(ctx context.Context, within time.Duration) (sighting.Report, error)
	// NewestOf returns the newest events of a type, at the most so many, that are found within a time.
	NewestOf(ctx context.Context, eventType string, most int, within time.Duration) (sighting.Look, error)
	// Stored returns the event at a place; bus.ErrGone when it is there no longer.
	Stored(ctx context.Context, at sighting.Place) (bus.Message, error)
}

// An Intake is a configured source as far as the types of its events are concerned.
type Intake struct {
	Source   string // its name
	Provider string
	Method   string         // of HTTP that its webhooks come by
	URL      string         // that the sender was told; "" where nobody said
	Topic    string         // of its events, or what stands in front of it
	Types    []DeclaredType // that its provider is known to send
}

// A DeclaredType is a type of events before one has come.
type DeclaredType struct {
	Type            string
	Topic           string // that its events will lie on
	DataContentType string
	Data            []byte // of a sample
}

// A typeView is a type of events as the API shows it.
type typeView struct {
	Type          string      `json:"type"`
	Known         bool        `json:"known"` // a provider here is known to send it, or it has a schema
	Provider      string      `json:"provider,omitempty"`
	Schema        string      `json:"schema,omitempty"` // what dataschema says of it
	Count         int64       `json:"count"`
	CountedSince  time.Time   `json:"counted_since,omitzero"`
	First         time.Time   `json:"first_seen,omitzero"`
	Last          time.Time   `json:"last_seen,omitzero"`
	Sources       []string    `json:"sources"`
	MoreSources   bool        `json:"more_sources,omitempty"`
	Topics        []string    `json:"topics"`
	MoreTopics    bool        `json:"more_topics,omitempty"`
	ContentTypes  []string    `json:"content_types"`
	DataSchemas   []string    `json:"data_schemas"`
	Deliveries    int         `json:"deliveries"`
	Endpoints     []takerView `json:"endpoints"`
	MoreEndpoints int         `json:"more_endpoints,omitempty"`
	*shownType                // where one is looked at

	newest sighting.Place
	sample *DeclaredType
}

// A takerView is an endpoint that takes events of a type.
type takerView struct {
	ID      string               `json:"id"`
	Name    string               `json:"name"`
	State   endpoint.State       `json:"state"`
	Decides []endpoint.Condition `json:"decides"` // of each event, whether it is taken; none: all are
}

// A countedView says what the figures of types are about.
type countedView struct {
	Since    time.Time `json:"since,omitzero"`
	Events   int64     `json:"events"`
	Missed   int64     `json:"missed"`
	Unlisted int64     `json:"unlisted"`
	// Deliveries of types beyond those that are listed.
	UnlistedDeliveries int64 `json:"unlisted_deliveries,omitempty"`
}

// A typePage is a page of types.
type typePage struct {
	page[*typeView]
	Counted countedView `json:"counted"`
}

const (
	takersListed = 20 // endpoints of a type in a list
	takersShown  = 1000

	deliveredMost = 2000 // types that only deliveries know, as many as a tally lists

	seenWithin  = time.Second      // that what is stored was counted
	pagesWithin = 10 * time.Minute // that it was where a list goes on
)

// listTypes pages by type.
func (a *api) listTypes(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "provider", "seen", "unknown", "limit", "cursor")
	limit, provider, seen, unknown := q.limit(), q.provider(a), q.yes("seen"), q.yes("unknown")
	after := q.cursor()
	if err := q.err(); err != nil {
		return err
	}
	within := seenWithin
	if len(after) > 0 {
		within = pagesWithin
	}
	c, err := a.catalogue(r.Context(), within, "")
	if err != nil {
		return err
	}
	all := slices.DeleteFunc(c.sorted(), func(v *typeView) bool {
		return v.Type <= after && len(after) > 0 || provider != "" && v.Provider != provider ||
			(seen || unknown) && !v.seen() || unknown && v.Known
	})
	next := ""
	if len(all) > limit {
		all = all[:limit]
		next = all[limit-1].Type
	}
	for _, v := range all {
		a.takers(v, takersListed)
	}
	return write(w, http.StatusOK, typePage{newPage(all, q.next(next)), c.counted})
}

// yes is true or false; false for none.
func (q *query) yes(name string) bool {
	text := q.text(name)
	if text != "" && text != "true" && text != "false" {
		q.fault(name, "must be true or false")
	}
	return text == "true"
}

// provider is one that a source here has; "" for none.
func (q *query) provider(a *api) string {
	name := q.text("provider")
	var have []string
	for _, in := range a.intakes() {
		if in.Provider == name {
			return name
		}
		have = append(have, in.Provider)
	}
	if name != "" {
		slices.Sort(have)
		q.fault("provider", "no source here is of it; there are "+cmp.Or(strings.Join(slices.Compact(have), ", "), "no sources"))
	}
	return name
}

func (v *typeView) seen() bool { return v.Count > 0 || v.Deliveries > 0 }

func (a *api) intakes() []Intake {
	if a.Intakes == nil {
		return nil
	}
	return a.Intakes()
}

// A catalogue is every type that is declared, was seen, or was delivered.
type catalogue struct {
	types   map[string]*typeView
	counted countedView
}

// catalogue counts what is stored unless that was done within so long a time. The type that is asked for
// is in it wherever it is known, even where so many are known by deliveries that it is not listed.
func (a *api) catalogue(ctx context.Context, within time.Duration, asked string) (*catalogue, error) {
	var seen sighting.Report
	if a.Types != nil {
		var err error
		if seen, err = a.Types.Sightings(ctx, within); err != nil {
			return nil, err
		}
	}
	c := &catalogue{types: map[string]*typeView{}, counted: countedView{Since: utc(seen.Since), Events: seen.Events, Missed: seen.Missed, Unlisted: seen.Unlisted}}
	intakes := a.intakes()
	for i := range intakes {
		for j := range intakes[i].Types {
			c.declared(&intakes[i], &intakes[i].Types[j])
		}
	}
	for i := range seen.Types {
		c.sighted(&seen.Types[i])
	}
	most := len(c.types) + deliveredMost
	for _, d := range a.Deliveries.Types() {
		if c.types[d.Type] == nil && len(c.types) >= most && d.Type != asked {
			c.counted.UnlistedDeliveries += int64(d.Deliveries)
			continue
		}
		c.delivered(&d)
	}
	for _, v := range c.types {
		if declared := a.declared(v.Type); declared != nil {
			v.Schema, v.Known = a.Schemas().URL(declared), true
		}
		if v.Provider == "" {
			v.Provider = providerOf(v, intakes)
		}
	}
	return c, nil
}

func (c *catalogue) view(eventType string) *typeView {
	v := c.types[eventType]
	if v == nil {
		v = &typeView{Type: eventType, CountedSince: c.counted.Since, Sources: []string{}, Topics: []string{}, ContentTypes: []string{}, DataSchemas: []string{}, Endpoints: []takerView{}}
		c.types[eventType] = v
	}
	return v
}

func (c *catalogue) declared(in *Intake, d *DeclaredType) {
	v := c.view(d.Type)
	v.Known = true
	v.Provider = cmp.Or(v.Provider, in.Provider)
	v.topic(d.Topic)
	if v.sample == nil {
		v.sample = d
	}
}

func (c *catalogue) sighted(s *sighting.Type) {
	v := c.view(s.Type)
	v.Count, v.First, v.Last, v.newest = s.Count, s.First.UTC(), s.Last.UTC(), s.Newest
	v.Sources, v.MoreSources = append(v.Sources, s.Sources...), s.MoreSources
	v.MoreTopics = s.MoreTopics
	for _, t := range s.Topics {
		v.topic(t)
	}
	v.ContentTypes = append(v.ContentTypes, s.ContentTypes...)
	v.DataSchemas = append(v.DataSchemas, s.DataSchemas...)
}

func (c *catalogue) delivered(d *journal.Type) {
	v := c.view(d.Type)
	v.Deliveries += d.Deliveries
	v.topic(d.Topic)
	if d.Last.After(v.Last) {
		v.Last = d.Last.UTC()
	}
}

func (c *catalogue) sorted() []*typeView {
	return slices.SortedFunc(maps.Values(c.types), func(a, b *typeView) int { return strings.Compare(a.Type, b.Type) })
}

// topic is one that events of the type lie on, or would.
func (v *typeView) topic(name string) {
	if name != "" && !slices.Contains(v.Topics, name) {
		v.Topics = append(v.Topics, name)
	}
}

// providerOf is that of the source whose topic events of the type lie below; "" for none.
func providerOf(v *typeView, intakes []Intake) (name string) {
	longest := 0
	for _, in := range intakes {
		below := func(topic string) bool { return topic == in.Topic || strings.HasPrefix(topic, in.Topic+".") }
		if len(in.Topic) > longest && slices.ContainsFunc(v.Topics, below) {
			name, longest = in.Provider, len(in.Topic)
		}
	}
	return name
}

// takers finds the endpoints that take events of the type, and names so many of them.
func (a *api) takers(v *typeView, most int) {
	topics := v.Topics
	if v.MoreTopics {
		topics = nil
	}
	for _, e := range a.Registry.Set().All() {
		takes, decides := e.Interest(v.Type, topics)
		switch {
		case !takes:
		case len(v.Endpoints) == most:
			v.MoreEndpoints++
		default:
			v.Endpoints = append(v.Endpoints, takerView{e.ID, e.Name, e.State, append([]endpoint.Condition{}, decides...)})
		}
	}
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}
