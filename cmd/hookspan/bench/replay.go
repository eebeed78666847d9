package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

// A replayed is what the benchmark of replays prints.
type replayed struct {
	Name       string  `json:"name"`
	Bus        string  `json:"bus"`
	Sync       string  `json:"sync"`
	Rate       float64 `json:"rate"`       // live webhooks a second
	Events     int64   `json:"events"`     // live ones that arrived beside the replay
	History    int64   `json:"history"`    // events that are replayed
	Throughput float64 `json:"throughput"` // replayed events a second
	P50        float64 `json:"p50_ms"`     // of the live ones, beside the replay
	P99        float64 `json:"p99_ms"`
	AloneP50   float64 `json:"alone_p50_ms"`
	AloneP99   float64 `json:"alone_p99_ms"`
	Ratio      float64 `json:"ratio"` // of both p99
}

func (r *replayed) write(w io.Writer) {
	fmt.Fprintf(w, "%s on %s, sync %s, %.0f webhooks/s to an endpoint, %d arrivals\n", r.Name, r.Bus, r.Sync, r.Rate, r.Events)
	fmt.Fprintf(w, "  beside a replay of %d  p50 %.2f ms  p99 %.2f ms, %.0f replayed/s\n", r.History, r.P50, r.P99, r.Throughput)
	fmt.Fprintf(w, "  alone  p50 %.2f ms  p99 %.2f ms\n  ratio of p99  %.2f\n", r.AloneP50, r.AloneP99, r.Ratio)
}

func replayCommand(t *cli.Terminal) *cobra.Command {
	var p plan
	webhooks, limit := int64(3000), ""
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Measure what a replay costs live webhooks to the same endpoint",
		Long: "Measure the time from a signed webhook of 1 KB to its arrival at an endpoint, at a steady rate, while a history of such webhooks is\n" +
			"replayed to the same endpoint. The baseline is the same without the replay, in turns.",
		Example: "  hookspan bench replay\n  hookspan bench replay --events 100000 --rate 50 --limit 500/s --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			if err := p.checkRate(); err != nil {
				return err
			}
			if webhooks < int64(p.rounds) {
				return cli.Usage("--webhooks: each round wants one at least")
			}
			r, err := measureReplay(cmd.Context(), t, &p, webhooks, limit)
			if err != nil {
				return err
			}
			return t.Document(r, r.write)
		}),
	}
	benchFlags(t, &p, cmd, 16, 3)
	cmd.Flags().Int64Var(&p.events, "events", 1_000_000, "events of the history")
	cmd.Flags().Int64Var(&webhooks, "webhooks", webhooks, "live webhooks of each side, all rounds together")
	cmd.Flags().StringVar(&limit, "limit", limit, "the replay's own rate, such as 500/s")
	rateFlag(&p, cmd)
	return cmd
}

// A replaying endpoint tells what is replayed to it from what is live.
type replaying struct {
	*course
	taken atomic.Int64 // of what is replayed
}

// ServeHTTP implements http.Handler.
func (e *replaying) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Header.Get("Hookspan-Replay") == "" {
		e.course.ServeHTTP(w, q)
		return
	}
	if _, err := io.Copy(io.Discard, q.Body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	e.taken.Add(1)
}

func measureReplay(ctx context.Context, t *cli.Terminal, p *plan, webhooks int64, limit string) (*replayed, error) {
	e := &replaying{course: newCourse(webhooks/int64(p.rounds), 1)}
	endpoint, stop, err := serve(e)
	if err != nil {
		return nil, err
	}
	defer stop()
	server, err := startServer(ctx, t, p, "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8")
	if err != nil {
		return nil, err
	}
	defer server.stop()
	api, err := server.filled(ctx, t, p)
	if err != nil {
		return nil, err
	}
	if _, err := api.register(ctx, map[string]any{"name": "replayed", "url": "http://" + endpoint + "/0"}); err != nil {
		return nil, err
	}
	target := server.intake + "/webhooks/bench"
	live := func(h *load.Histogram, profile string) error {
		e.forget()
		err := profiled(profile, func() error { return e.run(ctx, target, p.connections, p.rate, 0, e.total()) })
		h.Merge(&e.latency)
		return err
	}
	if err := live(&load.Histogram{}, ""); err != nil { // first contact
		return nil, fmt.Errorf("warm up: %w", err)
	}
	var alone, beside load.Histogram
	var sent int64
	var took time.Duration
	for round := 1; round <= p.rounds; round++ {
		if err := live(&alone, ""); err != nil {
			return nil, err
		}
		over, err := e.begin(ctx, api, limit)
		if err != nil {
			return nil, err
		}
		began, before := time.Now(), e.taken.Load()
		err = live(&beside, p.last(round))
		sent, took = sent+e.taken.Load()-before, took+time.Since(began)
		if err := errors.Join(err, over()); err != nil {
			return nil, err
		}
		t.Progress("round %d of %d: p99 %.2f ms, alone %.2f ms", round, p.rounds, milliseconds(beside.Quantile(.99)), milliseconds(alone.Quantile(.99)))
	}
	r := &replayed{
		Name: "replay", Bus: p.kind(), Sync: p.durable(), Rate: p.rate, Events: beside.Count(), History: p.events, Throughput: float64(sent) / took.Seconds(),
		P50: milliseconds(beside.Quantile(.5)), P99: milliseconds(beside.Quantile(.99)),
		AloneP50: milliseconds(alone.Quantile(.5)), AloneP99: milliseconds(alone.Quantile(.99)),
	}
	r.Ratio = r.P99 / cmp.Or(r.AloneP99, 1)
	return r, nil
}

// begin has the whole history replayed, and returns once that is under way; over ends it.
func (e *replaying) begin(ctx context.Context, api *benchAPI, limit string) (over func() error, err error) {
	before := e.taken.Load()
	body := map[string]any{"endpoint": "replayed", "from": "all"}
	if limit != "" {
		body["rate"] = limit
	}
	var made struct{ ID string }
	if err := api.Call(ctx, http.MethodPost, "/v1/replays", nil, body, &made); err != nil {
		return nil, fmt.Errorf("begin a replay: %w", err)
	}
	path := "/v1/replays/" + url.PathEscape(made.ID)
	patience := time.After(answerTimeout)
	for e.taken.Load() == before {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-patience:
			return nil, errors.New("nothing is replayed")
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return func() error {
		var is struct{ State string }
		if err := api.Call(ctx, http.MethodGet, path, nil, nil, &is); err != nil {
			return fmt.Errorf("look at the replay: %w", err)
		}
		if is.State == "done" {
			return nil
		}
		return api.Call(ctx, http.MethodPost, path+"/cancel", nil, nil, nil)
	}, nil
}
