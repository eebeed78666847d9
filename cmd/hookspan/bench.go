package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

// A measurement is what a benchmark prints; the names are the surface's.
type measurement struct {
	Name           string  `json:"name"`
	Bus            string  `json:"bus"`
	Sync           string  `json:"sync"`
	Connections    int     `json:"connections"`
	Events         int64   `json:"events"`
	Throughput     float64 `json:"throughput"` // events a second
	Baseline       float64 `json:"baseline"`   // the same of the bare program
	Ratio          float64 `json:"ratio"`
	P50            float64 `json:"p50_ms"`
	P99            float64 `json:"p99_ms"`
	AllocsPerEvent float64 `json:"allocs_per_event"`
	RSS            float64 `json:"rss_mb"` // largest of the process so far
}

func (m *measurement) write(w io.Writer) {
	fmt.Fprintf(w, "%s on %s, sync %s, %d connections, %d events\n", m.Name, m.Bus, m.Sync, m.Connections, m.Events)
	fmt.Fprintf(w, "  throughput  %.0f/s\n  baseline    %.0f/s\n  ratio       %.2f\n", m.Throughput, m.Baseline, m.Ratio)
	fmt.Fprintf(w, "  p50         %.2f ms\n  p99         %.2f ms\n  allocations %.1f per event\n  memory      %.0f MB\n", m.P50, m.P99, m.AllocsPerEvent, m.RSS)
}

// A plan is how a benchmark is run.
type plan struct {
	connections int
	events      int64
	duration    time.Duration
	rounds      int
	sync        string
	profile     string
}

func (p *plan) flags(cmd *cobra.Command, connections, rounds int) {
	cmd.Flags().IntVar(&p.connections, "connections", connections, "requests in flight")
	cmd.Flags().IntVar(&p.rounds, "rounds", rounds, "rounds of each side, one after the other")
	cmd.Flags().StringVar(&p.sync, "sync", "group", "group, lazy or always")
	cmd.Flags().StringVar(&p.profile, "cpuprofile", "", "write a CPU profile of Hookspan's last round to this file")
}

func (p *plan) check() error {
	if p.connections < 1 || p.rounds < 1 || p.events < 0 || (p.events == 0 && p.duration <= 0) {
		return usage("--connections, --rounds and --events or --duration have to be positive")
	}
	return nil
}

func (t *terminal) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure intake and delivery against a bare program, on this machine",
		Long: "Measure Hookspan against its own baseline in the same run: a bare program that does only what cannot be left out.\n" +
			"Both sides take turns, so that a machine that is busy with something else slows both.",
		Example: "  hookspan bench intake --sync group\n  hookspan bench delivery --json",
		Args:    cobra.NoArgs,
	}
	cmd.AddCommand(t.benchIntake(), t.benchDelivery(), t.benchReceiver())
	return cmd
}

// progress tells people what is going on; it never mixes with the result.
func (t *terminal) progress(format string, a ...any) { fmt.Fprintf(t.err, format+"\n", a...) }

// A tally adds up the rounds of one side.
type tally struct {
	done    int64
	elapsed time.Duration
	latency load.Histogram
	mallocs uint64
}

func (y *tally) rate() float64 {
	if y.elapsed == 0 {
		return 0
	}
	return float64(y.done) / y.elapsed.Seconds()
}

// measured adds up two sides. Allocations are those of the whole process while Hookspan's side
// ran; the client makes none.
func measured(name string, p *plan, ours, bare *tally) *measurement {
	m := &measurement{
		Name: name, Bus: "embedded", Sync: p.sync, Connections: p.connections, Events: ours.done,
		Throughput: ours.rate(), Baseline: bare.rate(),
		P50: milliseconds(ours.latency.Quantile(0.5)), P99: milliseconds(ours.latency.Quantile(0.99)),
		RSS: residentMB(),
	}
	if ours.done > 0 {
		m.AllocsPerEvent = float64(ours.mallocs) / float64(ours.done)
	}
	if m.Baseline > 0 {
		m.Ratio = m.Throughput / m.Baseline
	}
	return m
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// mallocs counts the heap objects that were ever allocated.
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// profiled runs do under the CPU profiler when path is not empty.
func profiled(path string, do func() error) error {
	if path == "" {
		return do()
	}
	f, err := os.Create(path)
	if err != nil {
		return usage("--cpuprofile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	err = do()
	pprof.StopCPUProfile()
	if e := f.Close(); err == nil && e != nil {
		err = fmt.Errorf("write the profile: %w", e)
	}
	return err
}

// A benchServer is a whole Hookspan in this process, on loopback and in a folder of its own.
type benchServer struct {
	intake, admin string // URLs
	token         string
	stop          func()
}

// benchToken guards an admin listener that only this process can reach, for as long as a
// benchmark runs.
const benchToken = "bench"

func startBenchServer(ctx context.Context, sync string, more ...string) (*benchServer, error) {
	folder, err := os.MkdirTemp("", "hookspan-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	environ := append([]string{
		"HOOKSPAN_DATA_DIR=" + folder, "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0",
		"HOOKSPAN_ADMIN_TOKEN=" + benchToken, "HOOKSPAN_LOG_LEVEL=warn", "HOOKSPAN_EMBEDDED_SYNC=" + sync,
		"HOOKSPAN_SOURCES=bench", "HOOKSPAN_SOURCE_BENCH_PROVIDER=sticker", "HOOKSPAN_SOURCE_BENCH_SECRETS=" + benchSecret,
	}, more...)
	intake, admin, stop, err := startServer(ctx, environ)
	if err != nil {
		_ = os.RemoveAll(folder) // the start's error says more
		return nil, fmt.Errorf("start the server: %w", err)
	}
	return &benchServer{intake: intake, admin: admin, token: benchToken, stop: func() {
		stop()
		_ = os.RemoveAll(folder) // a temporary folder; the system clears what is left
	}}, nil
}

// address is the host and port of a URL.
func address(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}
