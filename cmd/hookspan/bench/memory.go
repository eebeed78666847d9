package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

// A footprint is what the benchmark of memory prints. Each amount is the largest that one server
// had from its start on.
type footprint struct {
	Name        string  `json:"name"`
	Bus         string  `json:"bus"`
	Sync        string  `json:"sync"`
	Connections int     `json:"connections"`
	Idle        float64 `json:"idle_rss_mb"` // of a server that has done nothing
	Events      int64   `json:"events"`
	Throughput  float64 `json:"throughput"` // events a second, in and out
	RSS         float64 `json:"rss_mb"`
	Pending     int64   `json:"pending"`
	Endpoints   int     `json:"endpoints"`
	Paused      bool    `json:"paused"`
	Filling     float64 `json:"filling_rss_mb"`
	Ready       float64 `json:"ready_s"` // from the start after a kill
	Restarted   float64 `json:"restarted_rss_mb"`
}

func (f *footprint) write(w io.Writer) {
	fmt.Fprintf(w, "%s on %s, sync %s, %d connections\n  idle server             %.0f MB\n", f.Name, f.Bus, f.Sync, f.Connections, f.Idle)
	if f.Events > 0 {
		fmt.Fprintf(w, "  %d events in and out  %.0f MB at the most, %.0f/s\n", f.Events, f.RSS, f.Throughput)
	}
	if f.Pending > 0 {
		what := "dead"
		if f.Paused {
			what = "paused"
		}
		fmt.Fprintf(w, "  %d pending at %d %s endpoints\n", f.Pending, f.Endpoints, what)
		fmt.Fprintf(w, "    while they come       %.0f MB at the most\n    after a kill          %.0f MB at the most, ready in %.1f s\n", f.Filling, f.Restarted, f.Ready)
	}
}

// A memoryPlan is how the benchmark of memory is run.
type memoryPlan struct {
	plan
	pending   int64
	endpoints int
	paused    bool
}

func memoryCommand(t *cli.Terminal) *cobra.Command {
	var p memoryPlan
	cmd := &cobra.Command{
		Use:   "memory",
		Short: "Measure how much memory a server takes at the most",
		Long: "Measure the largest resident memory of servers that are processes of their own: of one that has done nothing,\n" +
			"of one that has taken events in and delivered all of them, and of one whose events wait for endpoints that are\n" +
			"dead or paused. That one is killed then, and measured again until it is ready and everything waits as before.\n" +
			"Variables of the Go runtime, such as GOGC and GOMEMLIMIT, are passed on.",
		Example: "  hookspan bench memory\n  hookspan bench memory --events 0 --pending 1000000 --endpoints 100 --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			if p.connections < 1 || p.events < 0 || p.pending < 0 || p.endpoints < 1 {
				return cli.Usage("--connections and --endpoints have to be positive, --events and --pending not negative")
			}
			f, err := measureMemory(cmd.Context(), t, &p)
			if err != nil {
				return err
			}
			return t.Document(f, f.write)
		}),
	}
	busFlags(t, &p.plan, cmd, 64)
	cmd.Flags().Int64Var(&p.events, "events", 1_000_000, "events that go in and out; 0 leaves that out")
	cmd.Flags().Int64Var(&p.pending, "pending", 1_000_000, "deliveries that wait; 0 leaves that out")
	cmd.Flags().IntVar(&p.endpoints, "endpoints", 1, "endpoints that they wait for, each for its part of them")
	cmd.Flags().BoolVar(&p.paused, "paused", false, "the endpoints are paused instead of dead")
	return cmd
}

func measureMemory(ctx context.Context, t *cli.Terminal, p *memoryPlan) (*footprint, error) {
	f := &footprint{
		Name: "memory", Bus: p.kind(), Sync: p.durable(), Connections: p.connections,
		Events: p.events, Pending: p.pending, Endpoints: p.endpoints, Paused: p.paused,
	}
	for _, part := range []struct {
		what    string
		measure func(context.Context, *cli.Terminal, *benchHome, *memoryPlan) error
		wanted  bool
	}{
		{"a server that does nothing", f.idle, true},
		{fmt.Sprintf("%d events in and out", p.events), f.through, p.events > 0},
		{fmt.Sprintf("%d deliveries that wait", p.pending), f.waiting, p.pending > 0},
	} {
		if !part.wanted {
			continue
		}
		t.Progress("measuring %s", part.what)
		measure := func(home *benchHome) error { return part.measure(ctx, t, home, p) }
		if err := atHome(ctx, t, &p.plan, measure); err != nil {
			return nil, fmt.Errorf("measure %s: %w", part.what, err)
		}
	}
	return f, nil
}

// atHome measures in a namespace that is removed afterwards.
func atHome(ctx context.Context, t *cli.Terminal, p *plan, measure func(*benchHome) error) error {
	home, err := newHome(t, p)
	if err != nil {
		return err
	}
	home.environ = append(home.environ, "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8")
	err = measure(home)
	if left := home.leave(ctx); left != nil {
		t.Progress("%v", left)
	}
	return err
}

func (f *footprint) idle(ctx context.Context, t *cli.Terminal, home *benchHome, _ *memoryPlan) error {
	c, err := startChild(ctx, t, home)
	if err != nil {
		return err
	}
	f.Idle = c.end()
	return nil
}

// through has every event taken in and delivered.
func (f *footprint) through(ctx context.Context, t *cli.Terminal, home *benchHome, p *memoryPlan) error {
	receiver, err := startReceiver(ctx, t)
	if err != nil {
		return err
	}
	defer receiver.stop()
	c, err := startChild(ctx, t, home)
	if err != nil {
		return err
	}
	defer c.end()
	if _, err := c.api.register(ctx, map[string]any{"name": "healthy", "url": receiver.url + "/1"}); err != nil {
		return err
	}
	began := time.Now()
	if err := c.send(ctx, p, p.events); err != nil {
		return err
	}
	if _, err := receiver.await(ctx, 1, p.events); err != nil {
		return err
	}
	f.Throughput = float64(p.events) / time.Since(began).Seconds()
	f.RSS = c.end()
	return nil
}

// waiting has deliveries pile up, and starts the server again after a kill.
func (f *footprint) waiting(ctx context.Context, t *cli.Terminal, home *benchHome, p *memoryPlan) error {
	nowhere, err := unused(1)
	if err != nil {
		return err
	}
	c, err := startChild(ctx, t, home)
	if err != nil {
		return err
	}
	defer c.end()
	for i := range p.endpoints {
		path, err := c.api.register(ctx, map[string]any{"name": "dead-" + strconv.Itoa(i+1), "url": "http://" + nowhere[0] + "/"})
		if err == nil && p.paused {
			err = c.api.Call(ctx, http.MethodPost, path+"/pause", nil, nil, nil)
		}
		if err != nil {
			return err
		}
	}
	each := max(1, p.pending/int64(p.endpoints))
	f.Pending = each * int64(p.endpoints)
	if err := c.send(ctx, p, each); err != nil {
		return err
	}
	if err := c.api.settle(ctx, f.Pending); err != nil {
		return err
	}
	f.Filling = c.end()
	t.Progress("starting again after a kill")
	again, err := startChild(ctx, t, home)
	if err != nil {
		return err
	}
	defer again.end()
	f.Ready = again.ready.Seconds()
	if err := again.api.settle(ctx, f.Pending); err != nil {
		return err
	}
	f.Restarted = again.end()
	return nil
}

// send has n webhooks taken in.
func (c *child) send(ctx context.Context, p *memoryPlan, n int64) error {
	run := load.Run{Connections: p.connections, Requests: n, Counter: &atomic.Int64{}}
	return (&tally{}).add(ctx, run, benchRequest(address(c.intake), "/webhooks/bench"))
}
