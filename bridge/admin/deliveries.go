package admin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
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
	q := readQuery(r, "endpoint", "status", "type", "tenant", "subject", "event", "reason", "batch", "since", "until", "limit", "cursor")
	want := journal.Query{
		Endpoint: q.text("endpoint"), Status: q.status(), Type: q.text("type"), Tenant: q.tenant(), Subject: q.text("subject"), Event: q.text("event"),
		Reason: q.text("reason"), Batch: q.text("batch"), Since: q.time("since"), Until: q.time("until"), Limit: q.limit(), Cursor: q.text("cursor"),
	}
	if err := q.err(); err != nil {
		return err
	}
	if e := a.Registry.Set().Find(want.Endpoint); e != nil {
		want.Endpoint = e.ID // an id that is not known may be of an endpoint that is gone
	}
	l := a.look()
	items, next, err := l.deliveries(want)
	if errors.Is(err, journal.ErrCursor) {
		return problem.New(problem.Invalid).With("", problem.Field{Path: "cursor", Message: err.Error()})
	}
	if err != nil {
		return err
	}
	p := deliveryPage{}
	if want.Event != "" && want.Cursor == "" && want.Waits() {
		t := l.trace(r.Context(), want, items)
		items, p.Behind = append(t.waiting, items...), t.behind
	}
	p.page = newPage(items, next)
	return write(w, http.StatusOK, p)
}

func (q *query) status() journal.Status {
	s := journal.Status(q.text("status"))
	if s != "" && !slices.Contains(journal.Statuses(), s) {
		q.fault("status", fmt.Sprint("must be one of ", journal.Statuses()))
	}
	return s
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

// retryDelivery has a delivery, or all members of a batch, tried again now, also when it has
// ended. It answers once the command is durable; the attempt follows within a moment.
func (a *api) retryDelivery(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	found, err := a.look().find(id)
	if err != nil {
		return err
	}
	switch e := a.Registry.Set().ByID(found[0].EndpointID); {
	case e == nil:
		return problem.New(problem.Conflict).With("its endpoint has been deleted")
	case e.State != endpoint.Enabled:
		return problem.New(problem.Conflict).With("its endpoint is " + string(e.State) + ": enable it first")
	}
	for _, d := range found {
		if err := a.Outbound.Command(r.Context(), delivery.Command{Kind: delivery.RetryNow, Entry: d.Entry()}); err != nil {
			return fmt.Errorf("retry delivery %s: %w", d.ID, err)
		}
		a.Log.Info("delivery retried by hand", "delivery", d.ID, "endpoint", d.Endpoint)
	}
	if found[0].ID != id {
		return write(w, http.StatusAccepted, newPage(found, ""))
	}
	return write(w, http.StatusAccepted, found[0])
}
