package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A Tracing is what a server cost that traces, beside one that does not.
type Tracing struct {
	Share          float64 `json:"share"`      // of the traces that were recorded
	Throughput     float64 `json:"throughput"` // events a second
	Ratio          float64 `json:"ratio"`      // of what the same round had without traces: the middle one of all rounds
	Least          float64 `json:"least_ratio"`
	Most           float64 `json:"most_ratio"`
	AllocsPerEvent float64 `json:"allocs_per_event"`
}

func (m *Tracing) write(w io.Writer) {
	fmt.Fprintf(w, "  traced      %.0f/s with %g of the traces recorded\n  ratio       %.3f (%.3f to %.3f)\n  allocations %.1f per event\n",
		m.Throughput, m.Share, m.Ratio, m.Least, m.Most, m.AllocsPerEvent)
}

func tracesFlag(p *plan, cmd *cobra.Command) {
	cmd.Flags().Float64Var(&p.traces, "traces", 0, "record this share of the traces in a second server, such as 0.01, and compare: best with many rounds")
}

// The sides take turns: Hookspan without traces, and, where the plan asks for it, Hookspan with them.
type sides struct {
	plain, traced tally
	ratios        []float64 // of rounds
}

// round runs one round of both, in an order that changes. traced is nil where there is none.
func (s *sides) round(n int, plain, traced func(*tally) error) error {
	var one, other tally
	turns := []func() error{func() error { return plain(&one) }}
	if traced != nil {
		turns = append(turns, func() error { return traced(&other) })
	}
	if n%2 == 0 {
		slices.Reverse(turns)
	}
	for _, turn := range turns {
		if err := turn(); err != nil {
			return err
		}
	}
	s.plain.merge(&one)
	s.traced.merge(&other)
	if one.rate() > 0 && other.rate() > 0 {
		s.ratios = append(s.ratios, other.rate()/one.rate())
	}
	return nil
}

// tracing is nil where nothing was traced.
func (s *sides) tracing(share float64) *Tracing {
	if len(s.ratios) == 0 {
		return nil
	}
	ratios := slices.Sorted(slices.Values(s.ratios))
	return &Tracing{
		Share: share, Throughput: s.traced.rate(), Ratio: ratios[len(ratios)/2], Least: ratios[0], Most: ratios[len(ratios)-1],
		AllocsPerEvent: s.traced.allocs(),
	}
}

// A tracedServer sends its traces to a collector that takes them and does nothing.
type tracedServer struct {
	*benchServer
	collector *receiverProcess
}

// startSides starts a server. Where the plan has a share of traces, that one is without, and one
// beside it records them.
func startSides(ctx context.Context, t *cli.Terminal, p *plan, more ...string) (plain *benchServer, traced *tracedServer, err error) {
	if p.traces == 0 {
		plain, err = startServer(ctx, t, p, more...)
		return plain, nil, err
	}
	err = withVariables(map[string]string{"OTEL_SDK_DISABLED": "true"}, func() (err error) {
		plain, err = startServer(ctx, t, p, more...)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if traced, err = startTraced(ctx, t, p, more...); err != nil {
		plain.stop()
		return nil, nil, err
	}
	return plain, traced, nil
}

func startTraced(ctx context.Context, t *cli.Terminal, p *plan, more ...string) (*tracedServer, error) {
	collector, err := startReceiver(ctx, t)
	if err != nil {
		return nil, err
	}
	s := &tracedServer{collector: collector}
	err = withVariables(map[string]string{
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.url + "/0", "OTEL_SDK_DISABLED": "false", "OTEL_TRACES_EXPORTER": "otlp",
		"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": strconv.FormatFloat(p.traces, 'g', -1, 64),
	}, func() (err error) {
		s.benchServer, err = startServer(ctx, t, p, more...)
		return err
	})
	if err != nil {
		collector.stop()
		return nil, err
	}
	return s, nil
}

// close stops the server, and finds it a fault if no trace has come of n events where some should
// have.
func (s *tracedServer) close(ctx context.Context, share float64, n *int64, err *error) {
	if s == nil {
		return
	}
	s.stop()
	defer s.collector.stop()
	const some = 20 // traces, of which chance leaves none once in a hundred million times
	if *err == nil && float64(*n)*share >= some {
		seen, e := s.collector.arrived(context.WithoutCancel(ctx), 0)
		if e == nil && seen.Count == 0 {
			e = errors.New("no trace has reached the collector")
		}
		*err = e
	}
}

// withVariables runs start with variables of the process: the SDK of OpenTelemetry reads them there and
// nowhere else, when a server is set up.
func withVariables(variables map[string]string, start func() error) (err error) {
	for name, value := range variables {
		before, had := os.LookupEnv(name)
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
		defer func() {
			if had {
				err = errors.Join(err, os.Setenv(name, before))
			} else {
				err = errors.Join(err, os.Unsetenv(name))
			}
		}()
	}
	return start()
}
