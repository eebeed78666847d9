package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/problem"
)

const (
	sampleSize    = 10
	dryRunWait    = 10 * time.Second // that an answer waits for a dry run
	dryRunMost    = 30 * time.Minute // that one may take
	dryRunsAtOnce = 4
	replaysHeld   = 1000 // that this process remembers by itself
)

// Replays is what the API needs of the replays that endpoints' owners run.
type Replays interface {
	// Replays lists those of all endpoints, in no order.
	Replays(ctx context.Context) ([]delivery.ReplayStanding, error)
	// Stretches are what lies between two edges, as it is stored now; delivery.ErrNoTopic is the
	// caller's fault.
	Stretches(ctx context.Context, from, until delivery.Edge) (map[bus.Partition]delivery.Stretch, error)
	// Replayed hands over what a replay would make deliveries of.
	Replayed(ctx context.Context, e *endpoint.Endpoint, r *delivery.Replay, each func(*bus.Message)) error
}

// A replayView is a replay as the API shows it.
type replayView struct {
	ID         string               `json:"id"`
	Endpoint   string               `json:"endpoint"` // its name, or its id once it is deleted
	EndpointID string               `json:"endpoint_id"`
	State      delivery.ReplayState `json:"state"`
	Matched    int64                `json:"matched"`
	Sent       int64                `json:"sent"`
	Failed     int64                `json:"failed"`
	Left       int64                `json:"left,omitempty"`
	Filters    json.RawMessage      `json:"filters,omitempty"`
	Rate       string               `json:"rate,omitempty"`
	NewID      bool                 `json:"new_id,omitempty"`
	DryRun     bool                 `json:"dry_run,omitempty"`
	Sample     []sampled            `json:"sample,omitempty"`
	Created    time.Time            `json:"created"`
	Ended      time.Time            `json:"ended,omitzero"`
}

// A sampled is one of the first that a dry run has found.
type sampled struct {
	Event    journal.Event `json:"event"`
	Delivery string        `json:"delivery,omitempty"` // that it was
}

func (a *api) viewReplay(st *delivery.ReplayStanding) replayView {
	return replayView{
		ID: st.ID, Endpoint: a.nameOf(st.Endpoint), EndpointID: st.Endpoint, State: st.State, Matched: st.Matched, Sent: st.Sent, Failed: st.Failed, Left: st.Left,
		Filters: st.Filters, Rate: st.Rate, NewID: st.NewID, Created: st.Created.UTC(), Ended: st.Ended.UTC(),
	}
}

// replays are those that this process knows by itself: that were asked for and whose owner has not
// been heard of, and dry runs, which nobody else knows.
type replays struct {
	counting chan struct{} // a slot for each dry run that counts

	mu    sync.Mutex
	held  map[string]replayView
	order []string
}

func newReplays() *replays {
	return &replays{counting: make(chan struct{}, dryRunsAtOnce), held: map[string]replayView{}}
}

func (rs *replays) hold(v replayView) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if _, known := rs.held[v.ID]; !known {
		if len(rs.order) == replaysHeld {
			delete(rs.held, rs.order[0])
			rs.order = rs.order[1:]
		}
		rs.order = append(rs.order, v.ID)
	}
	rs.held[v.ID] = v
}

func (rs *replays) get(id string) (replayView, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	v, ok := rs.held[id]
	return v, ok
}

// startReplay answers once the replay is durable; its owner begins within a moment. A dry run sends
// nothing.
func (a *api) startReplay(w http.ResponseWriter, r *http.Request) error {
	q, err := readReplay(w, r)
	if err != nil {
		return err
	}
	list, err := a.resolve(r.Context(), q)
	if err != nil {
		return err
	}
	v := a.viewReplay(&delivery.ReplayStanding{Replay: q.Replay, State: delivery.ReplayRunning, Matched: int64(q.Listed)})
	if q.dry {
		v.State, v.DryRun, v.Sample = delivery.ReplayDone, true, list.sample
		return a.dryRunReplay(w, r, q, list.target, v)
	}
	c := delivery.Command{Kind: delivery.StartReplay, Replay: &q.Replay, Entries: list.entries}
	if err := a.Outbound.Command(r.Context(), c); err != nil {
		return fmt.Errorf("begin a replay: %w", err)
	}
	a.replays.hold(v)
	a.Log.Info("replay begun by hand", "replay", v.ID, "endpoint", v.Endpoint, "matched", v.Matched)
	return write(w, http.StatusAccepted, v)
}

// dryRunReplay counts what would be sent. Of a long history it answers before it has seen everything;
// the replay is then looked up at this process until it has.
func (a *api) dryRunReplay(w http.ResponseWriter, r *http.Request, q *replayRequest, e *endpoint.Endpoint, v replayView) error {
	if !q.history {
		a.replays.hold(v)
		return write(w, http.StatusOK, v)
	}
	select {
	case a.replays.counting <- struct{}{}:
	default:
		return problem.New(problem.Unavailable).With("too many dry runs are counting: try again in a moment")
	}
	v.State = delivery.ReplayCounting
	a.replays.hold(v)
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), dryRunMost)
	done := make(chan error, 1) // the goroutine sends once
	go func() {
		defer stop()
		defer func() { <-a.replays.counting }()
		done <- a.countReplay(ctx, q, e, v)
	}()
	wait := time.NewTimer(dryRunWait)
	defer wait.Stop()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("count what would be replayed: %w", err)
		}
	case <-wait.C:
	case <-r.Context().Done():
		return context.Cause(r.Context())
	}
	v, _ = a.replays.get(v.ID)
	return write(w, http.StatusOK, v)
}

// countReplay brings the view up to date as it goes. One that fails is over, with what it has seen.
func (a *api) countReplay(ctx context.Context, q *replayRequest, e *endpoint.Endpoint, v replayView) error {
	err := a.Outbound.Replayed(ctx, e, &q.Replay, func(m *bus.Message) {
		if v.Matched++; len(v.Sample) < sampleSize {
			ref := delivery.RefOf(m).Compact()
			v.Sample = append(v.Sample, sampled{Event: journal.Event{ID: ref.ID, Source: ref.Source, Type: ref.Type, Subject: ref.Subject, Topic: ref.Topic, Tenant: ref.Tenant}})
		}
		if v.Matched%1000 == 0 {
			a.replays.hold(v)
		}
	})
	v.State, v.Ended = delivery.ReplayDone, time.Now().UTC()
	if err != nil {
		v.State = delivery.ReplayCancelled
		a.Log.Warn("dry run of a replay not finished", "replay", v.ID, "error", err)
	}
	a.replays.hold(v)
	return err
}

// findReplay finds one by its id: its owner knows best.
func (a *api) findReplay(ctx context.Context, id string) (replayView, error) {
	all, err := a.Outbound.Replays(ctx)
	if err != nil {
		return replayView{}, fmt.Errorf("look for a replay: %w", err)
	}
	if i := slices.IndexFunc(all, func(st delivery.ReplayStanding) bool { return st.ID == id }); i >= 0 {
		return a.viewReplay(&all[i]), nil
	}
	if v, ok := a.replays.get(id); ok {
		return v, nil
	}
	return replayView{}, problem.New(problem.NotFound).With("there is no such replay, or it ended too long ago")
}

func (a *api) getReplay(w http.ResponseWriter, r *http.Request) error {
	v, err := a.findReplay(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, v)
}

func (a *api) listReplays(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r, "endpoint", "state", "limit", "cursor")
	of, state, limit, after := q.endpoint(r.Context(), a), delivery.ReplayState(q.text("state")), q.limit(), q.cursor()
	if state != "" && !slices.Contains(delivery.ReplayStates(), state) {
		q.fault("state", fmt.Sprint("must be one of ", delivery.ReplayStates()))
	}
	if err := q.err(); err != nil {
		return err
	}
	all, err := a.Outbound.Replays(r.Context())
	if err != nil {
		return fmt.Errorf("list the replays: %w", err)
	}
	all = slices.DeleteFunc(all, func(st delivery.ReplayStanding) bool {
		return of != "" && st.Endpoint != of || state != "" && st.State != state
	})
	slices.SortFunc(all, func(x, y delivery.ReplayStanding) int {
		return cmp.Or(y.Created.Compare(x.Created), cmp.Compare(y.ID, x.ID))
	})
	if i := slices.IndexFunc(all, func(st delivery.ReplayStanding) bool { return st.ID == after }); i >= 0 {
		all = all[i+1:]
	}
	next := ""
	if len(all) > limit {
		all = all[:limit]
		next = all[limit-1].ID
	}
	views := make([]replayView, 0, len(all))
	for i := range all {
		views = append(views, a.viewReplay(&all[i]))
	}
	return write(w, http.StatusOK, newPage(views, q.next(next)))
}

// steerReplay pauses a replay, lets it go on or ends it. The answer says what its state will be.
func (a *api) steerReplay(kind delivery.CommandKind, to delivery.ReplayState) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := a.findReplay(r.Context(), r.PathValue("id"))
		switch {
		case err != nil:
			return err
		case v.State.Over(), v.DryRun:
			return problem.New(problem.Conflict).With("the replay is over, or only counts: it is " + string(v.State))
		}
		c := delivery.Command{Kind: kind, Entry: delivery.Entry{Endpoint: v.EndpointID, Replay: v.ID}}
		if err := a.Outbound.Command(r.Context(), c); err != nil {
			return fmt.Errorf("steer replay %s: %w", v.ID, err)
		}
		a.Log.Info("replay steered by hand", "replay", v.ID, "endpoint", v.Endpoint, "state", string(to))
		v.State = to
		return write(w, http.StatusAccepted, v)
	}
}
