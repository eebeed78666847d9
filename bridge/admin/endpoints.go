package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/signature"
)

// listEndpoints pages by name, so what is made or removed meanwhile moves nothing else.
func (a *api) listEndpoints(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "tenant", "limit", "cursor")
	limit, only, after := q.limit(), q.tenant(), q.cursor()
	if err := q.err(); err != nil {
		return err
	}
	all := a.Registry.Set().All()
	if only != "" {
		all = slices.DeleteFunc(slices.Clone(all), func(e *endpoint.Endpoint) bool { return e.Tenant != only })
	}
	begin, found := slices.BinarySearchFunc(all, after, func(e *endpoint.Endpoint, name string) int {
		return strings.Compare(e.Name, name)
	})
	if found {
		begin++
	}
	end := min(begin+limit, len(all))
	l := a.look()
	items := make([]view, 0, end-begin)
	for _, e := range all[begin:end] {
		items = append(items, l.endpoint(e))
	}
	next := ""
	if end < len(all) {
		next = all[end-1].Name
	}
	return write(w, http.StatusOK, newPage(items, q.next(next)))
}

func (a *api) createEndpoint(w http.ResponseWriter, r *http.Request) error {
	fields, err := readObject(w, r, false)
	if err != nil {
		return err
	}
	e := endpoint.Default()
	if err := (&patch{fields: fields}).apply(e); err != nil {
		return err
	}
	shown := generate(e)
	made, err := a.Registry.Create(r.Context(), e)
	if err != nil {
		return err
	}
	a.Log.Info("endpoint created", "endpoint", made.Name, "endpoint_id", made.ID)
	w.Header().Set("Location", "/v1/endpoints/"+made.ID)
	v := a.look().endpoint(made)
	v.front.Secrets = shown
	return writeEndpoint(w, http.StatusCreated, v)
}

// generate makes the secret of an endpoint that needs one and has none, and returns it to be
// shown once.
func generate(e *endpoint.Endpoint) []string {
	if len(e.Secrets) > 0 {
		return nil
	}
	secret := signature.GenerateSecret(e.Signature)
	if secret == "" {
		return nil
	}
	e.Secrets = []string{secret}
	return e.Secrets
}

// find takes the id or name in the path.
func (a *api) find(r *http.Request) (*endpoint.Endpoint, error) {
	return a.called(r.Context(), r.PathValue("id"))
}

// called takes an id or a name. What is not known here another replica may have made a moment
// ago: the bus is asked before it is said not to exist.
func (a *api) called(ctx context.Context, idOrName string) (*endpoint.Endpoint, error) {
	if e := a.Registry.Set().Find(idOrName); e != nil {
		return e, nil
	}
	set, err := a.Registry.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	if e := set.Find(idOrName); e != nil {
		return e, nil
	}
	return nil, endpoint.ErrNotFound
}

func (a *api) getEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := a.find(r)
	if err != nil {
		return err
	}
	return writeEndpoint(w, http.StatusOK, a.look().endpoint(e))
}

// updateEndpoint takes a merge patch.
func (a *api) updateEndpoint(w http.ResponseWriter, r *http.Request) error {
	return a.editEndpoint(w, r, func(fields map[string]json.RawMessage, _ *endpoint.Endpoint) (map[string]json.RawMessage, error) {
		return fields, nil
	})
}

// editEndpoint changes an endpoint by the merge patch that asked makes of the request's fields.
func (a *api) editEndpoint(w http.ResponseWriter, r *http.Request, asked func(map[string]json.RawMessage, *endpoint.Endpoint) (map[string]json.RawMessage, error)) error {
	e, err := a.find(r)
	if err != nil {
		return err
	}
	fields, err := readObject(w, r, false)
	if err != nil {
		return err
	}
	demand := match(r)
	var shown []string
	made, err := a.Registry.Update(r.Context(), e.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
		if err := matches(e, demand); err != nil {
			return nil, err
		}
		patched, err := asked(fields, e)
		if err != nil {
			return nil, err
		}
		if err := (&patch{fields: patched}).apply(e); err != nil {
			return nil, err
		}
		shown = nil
		if _, touched := patched["secrets"]; touched {
			shown, e.OldSecrets = generate(e), nil // those that are named sign, and no other
		}
		return e, nil
	})
	if err != nil {
		return err
	}
	a.Log.Info("endpoint updated", "endpoint", made.Name, "endpoint_id", made.ID)
	v := a.look().endpoint(made)
	v.front.Secrets = shown
	return writeEndpoint(w, http.StatusOK, v)
}

func (a *api) deleteEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := a.find(r)
	if err != nil {
		return err
	}
	if err := a.Registry.Delete(r.Context(), e.ID, match(r)); err != nil {
		return err
	}
	a.Log.Info("endpoint deleted", "endpoint", e.Name, "endpoint_id", e.ID)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// writeEndpoint also says which state of the endpoint the answer shows.
func writeEndpoint(w http.ResponseWriter, status int, v view) error {
	w.Header().Set("ETag", v.tag)
	return write(w, status, v)
}

// enableEndpoint also ends what holds the endpoint. That is a command, because one that was
// enabled all the time has no other state now, and its owner may be gone. With "test" the endpoint
// has to take a test event first.
func (a *api) enableEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := a.find(r)
	if err != nil {
		return err
	}
	p, first := &patch{}, false
	if err := p.only(w, r, "test", func(raw json.RawMessage) {
		if json.Unmarshal(raw, &first) != nil {
			p.fault("test", "must be true or false")
		}
	}); err != nil {
		return err
	}
	if first {
		attempt, err := a.tryEndpoint(r.Context(), e, testType)
		if err != nil {
			return err
		}
		if attempt.Reason != "" {
			return problem.New(problem.Conflict).With(fmt.Sprintf("the test event was not taken (%s: %s), and the endpoint is as it was", attempt.Reason, attempt.Detail))
		}
	}
	made, err := a.setState(r.Context(), e, endpoint.Enabled, "")
	if err != nil {
		return err
	}
	if err := a.Outbound.Command(r.Context(), delivery.Command{Kind: delivery.EndHold, Entry: delivery.Entry{Endpoint: made.ID}}); err != nil {
		return fmt.Errorf("end the hold of endpoint %s: %w", made.Name, err)
	}
	return writeEndpoint(w, http.StatusOK, a.look().endpoint(made))
}

func (a *api) pauseEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := a.find(r)
	if err != nil {
		return err
	}
	made, err := a.setState(r.Context(), e, endpoint.Paused, "paused by an operator")
	if err != nil {
		return err
	}
	return writeEndpoint(w, http.StatusOK, a.look().endpoint(made))
}

func (a *api) setState(ctx context.Context, e *endpoint.Endpoint, to endpoint.State, reason string) (*endpoint.Endpoint, error) {
	made, err := a.Registry.SetState(ctx, e.ID, to, reason)
	if err != nil {
		return nil, err
	}
	a.Log.Info("endpoint's state set", "endpoint", made.Name, "state", string(to))
	return made, nil
}

// testType is the type of a test event when the request names none.
const testType = "hookspan.test"

// testEndpoint sends one event now and answers with what came of it, success or not.
func (a *api) testEndpoint(w http.ResponseWriter, r *http.Request) error {
	e, err := a.find(r)
	if err != nil {
		return err
	}
	p, eventType := &patch{}, testType
	if err := p.only(w, r, "type", func(raw json.RawMessage) { eventType = p.eventType("type", raw, testType) }); err != nil {
		return err
	}
	attempt, err := a.tryEndpoint(r.Context(), e, eventType)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, journal.Shown(attempt))
}

// tryEndpoint sends one event to an endpoint that may be sent to, in whatever state it is.
func (a *api) tryEndpoint(ctx context.Context, e *endpoint.Endpoint, eventType string) (delivery.Attempt, error) {
	switch {
	case a.Tester == nil:
		return delivery.Attempt{}, problem.New(problem.Unavailable).With("this process sends nothing: ask one with the role dispatcher")
	case e.State == endpoint.Removed:
		return delivery.Attempt{}, fmt.Errorf("endpoint %s: %w", e.Name, endpoint.ErrRemoved)
	case e.Awaits(a.Registry.Origin()):
		return delivery.Attempt{}, fmt.Errorf("endpoint %s: %w", e.Name, endpoint.ErrNoConsent)
	}
	return a.Tester.Test(ctx, e, eventType)
}
