package admin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/setting"
)

// A Previewer says what an endpoint would be sent of the newest events that were stored since a time,
// at the most so many, the newest one first. It sends nothing.
type Previewer interface {
	Preview(ctx context.Context, e *endpoint.Endpoint, most int, since time.Time) ([]delivery.Preview, error)
}

const (
	previewLast = 10
	previewMost = 100
	previewTime = 10 * time.Second // that looking back may take
)

// A previewItem is one event and what becomes of it.
type previewItem struct {
	Event   previewEvent     `json:"event"`
	Request *previewRequest  `json:"request,omitempty"`
	Reason  delivery.Skipped `json:"reason,omitempty"`
	Detail  string           `json:"detail,omitempty"`
}

type previewEvent struct {
	ID      string `json:"id"`
	Source  string `json:"source"`
	Type    string `json:"type"`
	Subject string `json:"subject,omitempty"`
	Topic   string `json:"topic"`
	Tenant  string `json:"tenant,omitempty"`
}

// A previewRequest is the request as it would be sent now. What the endpoint logs in with is hidden.
type previewRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Base64  string            `json:"body_base64,omitempty"` // of a body that is no text
}

// previewEndpoint shows what an endpoint would be sent, by settings that are proposed.
func (a *api) previewEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := a.find(r)
	if err != nil {
		return err
	}
	fields, err := readObject(w, r, true)
	if err != nil {
		return err
	}
	p := &patch{fields: fields}
	most, since := p.window()
	faults := p.faults
	next := e.Clone()
	if err := p.apply(next); err != nil {
		return err
	}
	switch {
	case len(faults) > 0:
		return problem.New(problem.Invalid).With("", faults...)
	case e.State == endpoint.Removed:
		return endpoint.ErrRemoved
	case a.Previewer == nil:
		return problem.New(problem.Unavailable).With("this process follows no topics: ask one with the role dispatcher")
	}
	if next, err = a.Registry.Propose(r.Context(), next); err != nil {
		return err
	}
	ctx, end := context.WithTimeout(r.Context(), previewTime)
	defer end()
	found, err := a.Previewer.Preview(ctx, next, most, since)
	if err != nil {
		return err
	}
	items := make([]previewItem, len(found))
	for i := range found {
		items[i] = previewOf(next, &found[i])
	}
	return write(w, http.StatusOK, newPage(items, ""))
}

// window takes last and since out of the fields.
func (p *patch) window() (most int, since time.Time) {
	most = previewLast
	if raw, given := p.fields["since"]; given {
		most = previewMost
		var err error
		if since, err = time.Parse(time.RFC3339, p.text("since", raw, "")); err != nil && len(p.faults) == 0 {
			p.fault("since", "want a time such as 2026-05-04T10:00:00Z")
		}
	}
	if raw, given := p.fields["last"]; given {
		if json.Unmarshal(raw, &most) != nil || most < 1 || most > previewMost {
			p.fault("last", "want a whole number from 1 to %d", previewMost)
		}
	}
	delete(p.fields, "since")
	delete(p.fields, "last")
	return most, since
}

func previewOf(e *endpoint.Endpoint, p *delivery.Preview) previewItem {
	ref := &p.Event
	item := previewItem{
		Event:  previewEvent{ID: ref.ID, Source: ref.Source, Type: ref.Type, Subject: ref.Subject, Topic: ref.Topic, Tenant: ref.Tenant},
		Reason: p.Skipped, Detail: p.Detail,
	}
	if p.Request == nil {
		return item
	}
	q := &previewRequest{Method: p.Request.Verb(), URL: p.Request.URL, Headers: map[string]string{}, Body: string(p.Request.Body)}
	for name, values := range p.Request.Header {
		for _, v := range values {
			q.Headers[name] = v
		}
	}
	q.hide(e)
	if !utf8.Valid(p.Request.Body) {
		q.Body, q.Base64 = "", base64.StdEncoding.EncodeToString(p.Request.Body)
	}
	item.Request = q
	return item
}

// hide shows of headers that may be credentials only that they are there: those that the endpoint is
// configured with, and its login.
func (q *previewRequest) hide(e *endpoint.Endpoint) {
	hidden := []string{"Authorization"}
	for _, h := range e.Headers {
		hidden = append(hidden, http.CanonicalHeaderKey(h.Name))
	}
	for _, name := range hidden {
		if _, there := q.Headers[name]; there {
			q.Headers[name] = setting.Hidden
		}
	}
}
