package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/problem"
)

// mostAtOnce is how many deliveries are looked at, and written to the commands' log, together.
const mostAtOnce = 1000

// An action is what an operator can ask of deliveries.
type action struct {
	kind delivery.CommandKind
	// refuses says in words why it is not asked of a delivery, "" where it is.
	refuses func(a *api, d *journal.Delivery) string
	// takes says which deliveries a query means that names no status.
	takes []journal.Status
}

func retry() action {
	return action{
		kind: delivery.RetryNow, takes: []journal.Status{journal.Pending, journal.Failed},
		refuses: func(a *api, d *journal.Delivery) string {
			switch e := a.Registry.Set().ByID(d.Endpoint); {
			case e == nil:
				return "its endpoint has been deleted"
			case e.State != endpoint.Enabled:
				return "its endpoint is " + string(e.State) + ": enable it first"
			}
			return ""
		},
	}
}

func cancel() action {
	return action{
		kind: delivery.Cancel, takes: []journal.Status{journal.Pending},
		refuses: func(a *api, d *journal.Delivery) string {
			switch {
			case d.Status != journal.Pending:
				return "it has ended: " + string(d.Status)
			case a.Registry.Set().ByID(d.Endpoint) == nil:
				return "its endpoint has been deleted"
			}
			return ""
		},
	}
}

// A tally says of how many deliveries something was asked.
type tally struct {
	Matched  int       `json:"matched"`  // by the query
	Accepted int       `json:"accepted"` // of them, those of which it was asked; 0 of a dry run
	DryRun   bool      `json:"dry_run,omitempty"`
	Replays  []string  `json:"replays,omitempty"` // those that send them, one for each endpoint
	Skipped  []skipped `json:"skipped,omitempty"`
}

// A skipped is why something was not asked of deliveries that match.
type skipped struct {
	Endpoint   string `json:"endpoint"` // its name, or its id once it is deleted
	Reason     string `json:"reason"`
	Deliveries int    `json:"deliveries"`
}

// actOnDeliveries asks something of all deliveries that match the query in the body. It answers once
// that is durable; the owners act within a moment.
func (a *api) actOnDeliveries(act action) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		dry, err := dryRun(r)
		if err != nil {
			return err
		}
		want, err := a.wantedBy(w, r)
		if err != nil {
			return err
		}
		t := tally{DryRun: dry}
		err = a.look().matching(r.Context(), want, act.takes, func(found []journal.Delivery) error {
			c := delivery.Command{Kind: act.kind}
			for i := range found {
				d := &found[i]
				t.Matched++
				if why := act.refuses(a, d); why != "" {
					t.skip(a.nameOf(d.Endpoint), why)
				} else {
					c.Entries = append(c.Entries, d.Entry())
				}
			}
			if dry || len(c.Entries) == 0 {
				return nil
			}
			if err := a.Outbound.Command(r.Context(), c); err != nil {
				return fmt.Errorf("%s deliveries, after %d: %w", act.kind, t.Accepted, err)
			}
			t.Accepted += len(c.Entries)
			return nil
		})
		if err != nil {
			return err
		}
		if dry {
			return write(w, http.StatusOK, t)
		}
		a.Log.Info("command given by hand to all that match", "command", string(act.kind), "matched", t.Matched, "accepted", t.Accepted)
		return write(w, http.StatusAccepted, t)
	}
}

func dryRun(r *http.Request) (bool, error) {
	q := readQuery(r, "dry_run")
	text := q.text("dry_run")
	if !slices.Contains([]string{"", "true", "false"}, text) {
		q.fault("dry_run", "must be true or false")
	}
	return text == "true", q.err()
}

// wantedBy reads the query in a body. One that names nothing is refused: it would mean everything.
func (a *api) wantedBy(w http.ResponseWriter, r *http.Request) (journal.Query, error) {
	fields, err := readObject(w, r, true)
	if err != nil {
		return journal.Query{}, err
	}
	return a.wantedOf(r.Context(), "", fields)
}

// wantedOf reads a query of deliveries that is an object; path is where it stands in the body.
func (a *api) wantedOf(ctx context.Context, path string, fields map[string]json.RawMessage) (journal.Query, error) {
	q := readFields(fields, deliveryQuery())
	if len(fields) == 0 {
		q.fault("", "say which deliveries are meant, by one or more of "+strings.Join(deliveryQuery(), ", "))
	}
	want := a.wanted(ctx, q)
	for i := range q.faults {
		q.faults[i].Path = strings.TrimSuffix(path+q.faults[i].Path, ".")
	}
	return want, q.err()
}

// readFields reads what readQuery does, from the fields of an object.
func readFields(fields map[string]json.RawMessage, known []string) *query {
	q := &query{values: url.Values{}}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var text string
		switch {
		case !slices.Contains(known, name):
			q.fault(name, "is not known; known are "+strings.Join(known, ", "))
		case json.Unmarshal(fields[name], &text) != nil || text == "":
			q.fault(name, "must be a text that is not empty")
		default:
			q.values.Set(name, text)
		}
	}
	return q
}

func (t *tally) skip(endpoint, reason string) {
	for i := range t.Skipped {
		if s := &t.Skipped[i]; s.Endpoint == endpoint && s.Reason == reason {
			s.Deliveries++
			return
		}
	}
	t.Skipped = append(t.Skipped, skipped{endpoint, reason, 1})
}

func (a *api) nameOf(endpointID string) string {
	if e := a.Registry.Set().ByID(endpointID); e != nil {
		return e.Name
	}
	return endpointID
}

// matching hands over the deliveries that a query means, some at a time: what waits in lanes
// without a record, of others' as far as an event is named, then what is recorded, the newest first.
// takes says which a query means that names no status.
func (l *look) matching(ctx context.Context, want journal.Query, takes []journal.Status, each func([]journal.Delivery) error) error {
	if want.Status == "" && len(takes) == 1 {
		want.Status = takes[0]
	}
	if want.Waits() && (want.Status != "" || slices.Contains(takes, journal.Pending)) {
		var found []journal.Delivery
		l.trace(ctx, &want)
		for _, w := range l.unrecorded(&want, "") {
			found = append(found, journal.Unrecorded(&w.Entry))
		}
		for some := range slices.Chunk(found, mostAtOnce) {
			if err := each(some); err != nil {
				return err
			}
		}
	}
	for want.Limit = mostAtOnce; ; {
		found, next, err := l.Deliveries.List(want)
		if err != nil {
			return err
		}
		if want.Status == "" {
			found = slices.DeleteFunc(found, func(d journal.Delivery) bool { return !slices.Contains(takes, d.Status) })
		}
		if err := each(found); err != nil || next == "" {
			return err
		}
		want.Cursor = next
	}
}

// unrecorded are the deliveries that wait without a record in lanes here, or of one event in lanes of
// others, in the order that is asked for.
func (l *look) unrecorded(want *journal.Query, after string) []delivery.Waiting {
	order := func(a, b string) int { return cmp.Compare(b, a) }
	if want.Oldest {
		order = cmp.Compare[string]
	}
	behind := func(e *delivery.Entry) bool { return after == "" || order(after, placeOf(e)) < 0 }
	all := l.Outbound.Waiting(func(e *delivery.Entry) bool { return want.WantsEntry(e) && behind(e) })
	for _, w := range l.elsewhere {
		here := slices.ContainsFunc(all, func(own delivery.Waiting) bool { return own.ID == w.ID }) // since a moment
		if behind(&w.Entry) && !here {
			all = append(all, w)
		}
	}
	all = slices.DeleteFunc(all, func(w delivery.Waiting) bool { _, recorded := l.Deliveries.Get(w.ID); return recorded })
	slices.SortFunc(all, func(a, b delivery.Waiting) int { return order(placeOf(&a.Entry), placeOf(&b.Entry)) })
	return all
}

// A drained endpoint is what waited for it.
type drained struct {
	Endpoint string  `json:"endpoint"`
	Matched  int     `json:"matched"`  // deliveries that wait, or run
	Accepted int     `json:"accepted"` // the same: all of them are cancelled
	Behind   *behind `json:"behind,omitempty"`
}

// drainEndpoint cancels all that waits for an endpoint, what its readers have still to bring too.
func (a *api) drainEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := a.find(r)
	if err != nil {
		return err
	}
	l := a.look()
	answer := drained{Endpoint: e.Name, Behind: l.behind(l.note(e.ID))}
	err = l.matching(r.Context(), journal.Query{Endpoint: e.ID, Status: journal.Pending}, nil, func(found []journal.Delivery) error {
		answer.Matched += len(found)
		return nil
	})
	if err != nil {
		return err
	}
	if err := a.Outbound.Command(r.Context(), delivery.Command{Kind: delivery.Drain, Entry: delivery.Entry{Endpoint: e.ID}}); err != nil {
		return fmt.Errorf("drain endpoint %s: %w", e.Name, err)
	}
	answer.Matched += int(l.queued(e.ID))
	answer.Accepted = answer.Matched
	a.Log.Info("endpoint drained by hand", "endpoint", e.Name, "matched", answer.Matched)
	return write(w, http.StatusAccepted, answer)
}

// resumeEndpoint ends a pause, and nothing else.
func (a *api) resumeEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := a.find(r)
	if err != nil {
		return err
	}
	if e.State == endpoint.Disabled {
		return problem.New(problem.Conflict).With("the endpoint is disabled (" + e.Reason + "): POST to its /enable")
	}
	made, err := a.setState(r.Context(), e, endpoint.Enabled, "")
	if err != nil {
		return err
	}
	return writeEndpoint(w, http.StatusOK, a.look().endpoint(made))
}
