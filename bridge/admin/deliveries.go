package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/tenant"
)

// A deliveryView is a delivery with its endpoint's name, which an id alone does not tell.
type deliveryView struct {
	journal.Delivery
	Endpoint     string `json:"endpoint"` // its name, or its id once it is deleted
	EndpointID   string `json:"endpoint_id"`
	EndpointName string `json:"endpoint_name,omitempty"`

	// Of one that is pending: why it waits, or that it runs, and until when, as far as known.
	Waits delivery.Cause `json:"waits,omitempty"`
	Until time.Time      `json:"until,omitzero"`
}

// A deliveryPage also names, for one event, the endpoints that have not come to it yet.
type deliveryPage struct {
	page[deliveryView]
	Behind []behindView `json:"behind,omitempty"`
}

func (a *api) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, append(deliveryQuery(), "order", "limit", "cursor")...)
	want := a.wanted(r.Context(), q)
	want.Oldest, want.Limit, want.Cursor = q.oldest(), q.limit(), q.cursor()
	if err := q.err(); err != nil {
		return err
	}
	l := a.look()
	t := l.trace(r.Context(), &want)
	items, next, err := l.deliveries(want)
	if errors.Is(err, journal.ErrCursor) {
		return problem.New(problem.Invalid).With("", problem.Field{Path: "cursor", Message: err.Error()})
	}
	if err != nil {
		return err
	}
	p := deliveryPage{page: newPage(items, q.next(next))}
	if want.Cursor == "" {
		p.Behind = t.stillBehind()
	}
	return write(w, http.StatusOK, p)
}

// deliveryQuery are the words that say which deliveries are meant.
func deliveryQuery() []string {
	return []string{"endpoint", "status", "type", "tenant", "subject", "event", "reason", "status_code", "text", "batch", "since", "until"}
}

// wanted reads them.
func (a *api) wanted(ctx context.Context, q *query) journal.Query {
	want := journal.Query{
		Endpoint: q.endpoint(ctx, a), Status: q.status(), Type: q.attribute("type"), Tenant: q.tenant(), Subject: q.attribute("subject"), Event: q.attribute("event"),
		Reason: q.text("reason"), Code: q.statusCode(), Text: q.text("text"), Batch: q.text("batch"), Since: q.time("since"), Until: q.time("until"),
	}
	return want
}

// endpoint is the id of the one that is meant. An id that is not known may be of one that is gone.
func (q *query) endpoint(ctx context.Context, a *api) string {
	text := q.text("endpoint")
	if text == "" {
		return ""
	}
	e, err := a.called(ctx, text)
	switch {
	case err == nil:
		return e.ID
	case errors.Is(err, endpoint.ErrNotFound) && !endpoint.IsID(text):
		q.fault("endpoint", fmt.Sprintf("there is no endpoint %q; one that was deleted is found by its id", text))
	}
	return text
}

func (q *query) status() journal.Status {
	s := journal.Status(q.text("status"))
	if s != "" && !slices.Contains(journal.Statuses(), s) {
		q.fault("status", fmt.Sprint("must be one of ", journal.Statuses()))
	}
	return s
}

// oldest reports whether the oldest are to come first.
func (q *query) oldest() bool {
	text := q.text("order")
	if !slices.Contains([]string{"", "new", "old"}, text) {
		q.fault("order", "must be new, for the newest first, or old")
	}
	return text == "old"
}

func (q *query) statusCode() int {
	text := q.text("status_code")
	if text == "" {
		return 0
	}
	code, err := strconv.Atoi(text)
	if err != nil || code < 100 || code > 999 {
		q.fault("status_code", "must be that of an answer, such as 503")
	}
	return code
}

// tenant takes what an event's tenant may be.
func (q *query) tenant() string {
	name, flaw := tenant.Name(q.text("tenant"))
	if flaw != "" {
		q.fault("tenant", flaw)
	}
	return name
}

func (q *query) time(name string) time.Time {
	text := q.text(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		q.fault(name, "must be a time such as 2026-05-01T00:00:00Z")
	}
	return t
}

// getDelivery shows a delivery, or by the id of a batch a page of its members.
func (a *api) getDelivery(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	found, err := a.look().find(id)
	switch {
	case err != nil:
		return err
	case found[0].ID != id:
		return write(w, http.StatusOK, newPage(found, ""))
	}
	return write(w, http.StatusOK, found[0])
}

// actOnDelivery asks something of a delivery, or of all members of a batch: to be tried again now,
// also when it has ended, or to end. It answers once the command is durable; its owner acts within a
// moment.
func (a *api) actOnDelivery(act action) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := r.PathValue("id")
		found, err := a.look().find(id)
		if err != nil {
			return err
		}
		c := delivery.Command{Kind: act.kind}
		why := ""
		for _, d := range found {
			if refused := act.refuses(a, &d.Delivery); refused != "" {
				why = refused
			} else {
				c.Entries = append(c.Entries, d.Entry())
			}
		}
		switch len(c.Entries) {
		case 0:
			return problem.New(problem.Conflict).With(why)
		case 1: // as earlier versions write it
			c.Entry, c.Entries = c.Entries[0], nil
		}
		if err := a.Outbound.Command(r.Context(), c); err != nil {
			return fmt.Errorf("%s delivery %s: %w", act.kind, id, err)
		}
		a.Log.Info("command given by hand", "command", string(act.kind), "delivery", id, "endpoint", found[0].Endpoint)
		if found[0].ID != id {
			return write(w, http.StatusAccepted, newPage(found, ""))
		}
		return write(w, http.StatusAccepted, found[0])
	}
}
