package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

// healthy is how many endpoints are measured; badly is how many there are beside them, by how
// they are bad.
const healthy = 10

var badly = map[string]int{hanging: 10, failing: 5, trickling: 5}

// What is sent before each side is measured: by the end of it the bad ones that answer nothing
// have left the live feed.
const (
	leadAlone  = 2 * time.Second
	leadBeside = 12 * time.Second
)

// A neighbourhood is what the benchmark of neighbours prints.
type neighbourhood struct {
	Name     string  `json:"name"`
	Bus      string  `json:"bus"`
	Sync     string  `json:"sync"`
	Rate     float64 `json:"rate"` // webhooks a second
	Healthy  int     `json:"healthy"`
	Bad      int     `json:"bad"`
	Events   int64   `json:"events"` // that arrived at healthy endpoints beside bad ones
	P50      float64 `json:"p50_ms"` // of the healthy, beside the bad ones
	P99      float64 `json:"p99_ms"`
	AloneP50 float64 `json:"alone_p50_ms"`
	AloneP99 float64 `json:"alone_p99_ms"`
	Ratio    float64 `json:"ratio"` // of both p99
}

func (n *neighbourhood) write(w io.Writer) {
	fmt.Fprintf(w, "%s on %s, sync %s, %.0f webhooks/s to %d endpoints, %d arrivals\n", n.Name, n.Bus, n.Sync, n.Rate, n.Healthy, n.Events)
	fmt.Fprintf(w, "  beside %d bad ones  p50 %.2f ms  p99 %.2f ms\n", n.Bad, n.P50, n.P99)
	fmt.Fprintf(w, "  alone              p50 %.2f ms  p99 %.2f ms\n  ratio of p99       %.2f\n", n.AloneP50, n.AloneP99, n.Ratio)
}

func neighboursCommand(t *cli.Terminal) *cobra.Command {
	var p plan
	cmd := &cobra.Command{
		Use:   "neighbours",
		Short: "Measure what bad endpoints cost the healthy ones beside them",
		Long: fmt.Sprintf("Measure the time from a signed webhook of 1 KB to its arrival at each of %d endpoints, at a steady rate, beside %d endpoints\n"+
			"that take the same webhooks and do not answer, %d that answer 500 and %d whose answer never ends.\n"+
			"The baseline is the same without the bad ones, in turns; they are a process of its own.",
			healthy, badly[hanging], badly[failing], badly[trickling]),
		Example: "  hookspan bench neighbours\n  hookspan bench neighbours --rate 50 --sync lazy --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			if err := p.checkRate(); err != nil {
				return err
			}
			n, err := measureNeighbours(cmd.Context(), t, &p)
			if err != nil {
				return err
			}
			return t.Document(n, n.write)
		}),
	}
	benchFlags(t, &p, cmd, 16, 3)
	cmd.Flags().Int64Var(&p.events, "events", 6000, "webhooks of each side, all rounds together")
	rateFlag(&p, cmd)
	return cmd
}

func measureNeighbours(ctx context.Context, t *cli.Terminal, p *plan) (_ *neighbourhood, err error) {
	m := &neighbours{plan: p, course: newCourse(max(1, p.events/int64(p.rounds)), healthy)}
	endpoints, stop, err := serve(m.course)
	if err != nil {
		return nil, err
	}
	defer stop()
	server, err := startServer(ctx, t, p, "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8")
	if err != nil {
		return nil, err
	}
	defer server.stop()
	if m.receiver, err = startReceiver(ctx, t); err != nil {
		return nil, err
	}
	defer m.receiver.stop() // first: what hangs there would hold up the server's stop
	if m.api, err = newBenchAPI(server); err != nil {
		return nil, err
	}
	m.target = server.intake + "/webhooks/bench"
	for i := range healthy {
		if _, err := m.api.register(ctx, map[string]any{"name": fmt.Sprintf("healthy-%d", i), "url": fmt.Sprintf("http://%s/%d", endpoints, i)}); err != nil {
			return nil, err
		}
	}
	var alone, beside load.Histogram
	for round := 1; round <= p.rounds; round++ {
		if err := errors.Join(m.run(ctx, &alone, leadAlone, ""), m.beside(ctx, &beside, round)); err != nil {
			return nil, err
		}
		t.Progress("round %d of %d: p99 %.2f ms, alone %.2f ms", round, p.rounds, milliseconds(beside.Quantile(.99)), milliseconds(alone.Quantile(.99)))
	}
	n := &neighbourhood{
		Name: "neighbours", Bus: p.kind(), Sync: p.durable(), Rate: p.rate, Healthy: healthy, Events: beside.Count(),
		P50: milliseconds(beside.Quantile(.5)), P99: milliseconds(beside.Quantile(.99)),
		AloneP50: milliseconds(alone.Quantile(.5)), AloneP99: milliseconds(alone.Quantile(.99)),
	}
	for _, count := range badly {
		n.Bad += count
	}
	n.Ratio = n.P99 / cmp.Or(n.AloneP99, 1)
	return n, nil
}

// neighbours are the parts of the benchmark.
type neighbours struct {
	plan     *plan
	course   *course
	receiver *receiverProcess
	api      *benchAPI
	target   string
}

// run sends the webhooks of one round, after what brings this side up to speed.
func (m *neighbours) run(ctx context.Context, h *load.Histogram, lead time.Duration, profile string) error {
	send := func(n int) error {
		m.course.forget()
		return m.course.run(ctx, m.target, m.plan.connections, m.plan.rate, 0, n)
	}
	for left := int(m.plan.beside(int64(m.plan.rate * lead.Seconds()))); left > 0; left -= m.course.total() {
		if err := send(min(left, m.course.total())); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
	}
	err := profiled(profile, func() error { return send(m.course.total()) })
	h.Merge(&m.course.latency)
	return err
}

// beside is run with bad endpoints, which are removed afterwards.
func (m *neighbours) beside(ctx context.Context, h *load.Histogram, round int) error {
	var paths []string
	for how, count := range badly {
		for i := range count {
			path, err := m.api.register(ctx, map[string]any{"name": fmt.Sprintf("%s-%d-%d", how, round, i), "url": m.receiver.url + "/" + how})
			if err != nil {
				return err
			}
			paths = append(paths, path)
		}
	}
	err := m.run(ctx, h, leadBeside, m.plan.last(round))
	for _, path := range paths {
		err = errors.Join(err, m.api.Call(ctx, http.MethodDelete, path, nil, nil, nil))
	}
	return err
}
