package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/problem"
)

// A deliveryView is a delivery with its endpoint's name, which an id alone does not tell.
type deliveryView struct {
	journal.Delivery
	EndpointName string `json:"endpoint_name,omitempty"`
}

// A deliveryPage also names, for one event, the endpoints that have not come to it yet.
type deliveryPage struct {
	page[deliveryView]
	Behind []behindView `json:"behind,omitempty"`
}

type behindView struct {
	Endpoint     string `json:"endpoint"`
	EndpointName string `json:"endpoint_name"`
	*behind
}

func (a *api) delivery(d journal.Delivery) deliveryView {
	v := deliveryView{Delivery: d}
	if e := a.Registry.Set().ByID(d.Endpoint); e != nil {
		v.EndpointName = e.Name
	}
	return v
}

func (a *api) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "endpoint", "status", "type", "subject", "event", "reason", "since", "until", "limit", "cursor")
	want := journal.Query{
		Endpoint: q.text("endpoint"), Status: q.status(), Type: q.text("type"), Subject: q.text("subject"), Event: q.text("event"),
		Reason: q.text("reason"), Since: q.time("since"), Until: q.time("until"), Limit: q.limit(), Cursor: q.text("cursor"),
	}
	if err := q.err(); err != nil {
		return err
	}
	if e := a.Registry.Set().Find(want.Endpoint); e != nil {
		want.Endpoint = e.ID // an id that is not known may be of an endpoint that is gone
	}
	found, next, err := a.Deliveries.List(want)
	if errors.Is(err, journal.ErrCursor) {
		return problem.New(problem.Invalid).With("", problem.Field{Path: "cursor", Message: err.Error()})
	}
	if err != nil {
		return err
	}
	items := make([]deliveryView, 0, len(found))
	for _, d := range found {
		items = append(items, a.delivery(d))
	}
	p := deliveryPage{page: newPage(items, next)}
	if want.Event != "" && want.Cursor == "" {
		p.Behind = a.look().notReached(r.Context(), want.Endpoint, items)
	}
	return write(w, http.StatusOK, p)
}

// notReached lists the endpoints that are behind, or may be, and have no delivery among those
// found.
func (l *look) notReached(ctx context.Context, only string, found []deliveryView) []behindView {
	var list []behindView
	for _, e := range l.Registry.Set().All() {
		if only != "" && e.ID != only || slices.ContainsFunc(found, func(d deliveryView) bool { return d.Endpoint == e.ID }) {
			continue
		}
		if b := l.behind(ctx, e.ID); b != nil {
			list = append(list, behindView{Endpoint: e.ID, EndpointName: e.Name, behind: b})
		}
	}
	return list
}

func (q *query) status() journal.Status {
	s := journal.Status(q.text("status"))
	if s != "" && !slices.Contains(journal.Statuses(), s) {
		q.fault("status", fmt.Sprint("must be one of ", journal.Statuses()))
	}
	return s
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

func (a *api) getDelivery(w http.ResponseWriter, r *http.Request) error {
	d, ok := a.Deliveries.Get(r.PathValue("id"))
	if !ok {
		return noDelivery()
	}
	return write(w, http.StatusOK, a.delivery(d))
}

func noDelivery() error {
	return problem.New(problem.NotFound).With("there is no such delivery, or it ended too long ago")
}

// retryDelivery has a delivery tried again now, also one that has ended. It answers once the
// command is durable; the attempt follows within a moment.
func (a *api) retryDelivery(w http.ResponseWriter, r *http.Request) error {
	d, ok := a.Deliveries.Get(r.PathValue("id"))
	if !ok {
		return noDelivery()
	}
	switch e := a.Registry.Set().ByID(d.Endpoint); {
	case e == nil:
		return problem.New(problem.Conflict).With("its endpoint has been deleted")
	case e.State != endpoint.Enabled:
		return problem.New(problem.Conflict).With("its endpoint is " + string(e.State) + ": enable it first")
	}
	if err := a.Outbound.Command(r.Context(), dispatch.Command{Kind: dispatch.RetryNow, Entry: d.Entry()}); err != nil {
		return fmt.Errorf("retry delivery %s: %w", d.ID, err)
	}
	a.Log.Info("delivery retried by hand", "delivery", d.ID, "endpoint", d.Endpoint)
	return write(w, http.StatusAccepted, a.delivery(d))
}
