package admin

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/problem"
)

// An itemView is an event that is set aside, as the API shows it.
type itemView struct {
	ID       string          `json:"id"`
	Event    journal.Event   `json:"event"`
	Stored   time.Time       `json:"stored"`
	Reason   string          `json:"reason,omitempty"`
	Detail   string          `json:"detail,omitempty"`
	Endpoint string          `json:"endpoint,omitempty"` // of a dead letter: the name of who did not take it
	Attempts int             `json:"attempts,omitempty"` // of a dead letter, that were made
	Source   string          `json:"source,omitempty"`   // of the quarantine: the source that took it
	Document json.RawMessage `json:"document,omitempty"` // where one is looked at: the event as it lies there, in the JSON format of CloudEvents
}

func viewItem(it *aside.Item) itemView {
	e := &it.Event
	return itemView{
		ID: it.ID, Stored: it.Stored.UTC(), Reason: it.Reason, Detail: it.Detail, Endpoint: it.Endpoint, Attempts: it.Attempts, Source: it.Source,
		Event: journal.Event{ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Topic: e.Topic, Tenant: e.Tenant},
	}
}

// lookedAt is an item with its event.
func lookedAt(it *aside.Item, e *event.Event) itemView {
	v := viewItem(it)
	v.Document = event.AppendStructured(nil, e)
	return v
}

// An itemQuery says which items are wanted; what is zero asks for nothing.
type itemQuery struct {
	endpoint, source, kind, tenant, subject, event, reason string
	since, until                                           time.Time
}

// itemWords are the words that say so.
func itemWords() []string {
	return []string{"endpoint", "source", "type", "tenant", "subject", "event", "reason", "since", "until"}
}

func (q *query) items() itemQuery {
	return itemQuery{
		endpoint: q.text("endpoint"), source: q.text("source"), kind: q.attribute("type"), tenant: q.tenant(), subject: q.attribute("subject"),
		event: q.attribute("event"), reason: q.text("reason"), since: q.time("since"), until: q.time("until"),
	}
}

func (w *itemQuery) wants(it *aside.Item) bool {
	for _, x := range [...]struct{ want, have string }{
		{w.endpoint, it.Endpoint}, {w.source, it.Source}, {w.kind, it.Event.Type}, {w.tenant, it.Event.Tenant},
		{w.subject, it.Event.Subject}, {w.event, it.Event.ID}, {w.reason, it.Reason},
	} {
		if x.want != "" && x.want != x.have {
			return false
		}
	}
	return (w.since.IsZero() || !it.Stored.Before(w.since)) && (w.until.IsZero() || it.Stored.Before(w.until))
}

func (a *api) listDead(w http.ResponseWriter, r *http.Request) error {
	return a.listItems(w, r, a.Dead)
}

func (a *api) listQuarantine(w http.ResponseWriter, r *http.Request) error {
	return a.listItems(w, r, a.Quarantine)
}

func (a *api) listItems(w http.ResponseWriter, r *http.Request, of *aside.Shelf) error {
	q := readQuery(r, append(itemWords(), "limit", "cursor")...)
	want, limit := a.namedIn(q.items()), q.limit()
	after := q.cursor()
	if err := q.err(); err != nil {
		return err
	}
	if of == nil {
		return nothingAside()
	}
	all, err := of.All(r.Context(), func(it *aside.Item) bool { return want.wants(it) && (after == "" || placeOfItem(it) < after) })
	if err != nil {
		return err
	}
	next := ""
	if len(all) > limit {
		all = all[:limit]
		next = placeOfItem(&all[limit-1])
	}
	views := make([]itemView, 0, len(all))
	for i := range all {
		views = append(views, viewItem(&all[i]))
	}
	return write(w, http.StatusOK, newPage(views, q.next(next)))
}

func nothingAside() error {
	return problem.New(problem.Unavailable).With("what is set aside cannot be looked at here")
}

// namedIn has an endpoint that is named by its id be named as dead letters name it.
func (a *api) namedIn(want itemQuery) itemQuery {
	if e := a.Registry.Set().Find(want.endpoint); e != nil {
		want.endpoint = e.Name
	}
	return want
}

// placeOfItem orders items by when they were stored.
func placeOfItem(it *aside.Item) string {
	return strconv.FormatInt(it.Stored.UnixNano()+1<<60, 36) + "." + it.ID
}

// itemsBy are the items that the query in a body means. One that names nothing is refused.
func (a *api) itemsBy(w http.ResponseWriter, r *http.Request, of *aside.Shelf) ([]aside.Item, error) {
	fields, err := readObject(w, r, true)
	if err != nil {
		return nil, err
	}
	q := readFields(fields, itemWords())
	if len(fields) == 0 {
		q.fault("", "say which are meant, by one or more of "+strings.Join(itemWords(), ", "))
	}
	want := a.namedIn(q.items())
	if err := q.err(); err != nil {
		return nil, err
	}
	if of == nil {
		return nil, nothingAside()
	}
	return of.All(r.Context(), want.wants)
}

// item is the one that a path names.
func item(r *http.Request, of *aside.Shelf) (aside.Item, *event.Event, error) {
	if of == nil {
		return aside.Item{}, nil, nothingAside()
	}
	return of.Get(r.Context(), r.PathValue("id"))
}

// reasonsOf counts, for the log.
func reasonsOf(items []aside.Item) string {
	var all []string
	for i := range items {
		if reason := cmp.Or(items[i].Reason, "unknown"); !slices.Contains(all, reason) {
			all = append(all, reason)
		}
	}
	return strings.Join(all, " ")
}
