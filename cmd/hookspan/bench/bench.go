package bench

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

// A Measurement is what a benchmark prints; the names are the surface's.
type Measurement struct {
	Name           string  `json:"name"`
	Bus            string  `json:"bus"`
	Sync           string  `json:"sync"` // of the embedded bus; "cluster" where servers acknowledge
	Connections    int     `json:"connections"`
	Events         int64   `json:"events"`
	Throughput     float64 `json:"throughput"` // events a second
	Baseline       float64 `json:"baseline"`   // the same of the bare program
	Ratio          float64 `json:"ratio"`
	BarePublish    float64 `json:"bare_publish"` // events a second of a bare publish loop on the same bus
	PublishRatio   float64 `json:"publish_ratio"`
	P50            float64 `json:"p50_ms"`
	P99            float64 `json:"p99_ms"`
	AllocsPerEvent float64 `json:"allocs_per_event"`
	RSS            float64 `json:"rss_mb"` // largest of the process so far

	Traced *Tracing `json:"traced,omitempty"` // nil: nothing was
}

func (m *Measurement) write(w io.Writer) {
	fmt.Fprintf(w, "%s on %s, sync %s, %d connections, %d events\n", m.Name, m.Bus, m.Sync, m.Connections, m.Events)
	fmt.Fprintf(w, "  throughput  %.0f/s\n  baseline    %.0f/s\n  ratio       %.2f\n", m.Throughput, m.Baseline, m.Ratio)
	fmt.Fprintf(w, "  bare loop   %.0f/s published on this bus\n  ratio       %.2f\n", m.BarePublish, m.PublishRatio)
	fmt.Fprintf(w, "  p50         %.2f ms\n  p99         %.2f ms\n  allocations %.1f per event\n  memory      %.0f MB\n", m.P50, m.P99, m.AllocsPerEvent, m.RSS)
	if m.Traced != nil {
		m.Traced.write(w)
	}
}

// A plan is how a benchmark is run.
type plan struct {
	connections int
	events      int64
	duration    time.Duration
	rounds      int
	bus         string // as HOOKSPAN_BUS has it
	sync        string
	profile     string
	rate        float64 // webhooks a second, where the benchmark keeps one
	traces      float64 // share that a second server records; 0: there is none
}

// busFlags are those that all benchmarks have.
func busFlags(t *cli.Terminal, p *plan, cmd *cobra.Command, connections int) {
	cmd.Flags().StringVar(&p.bus, "bus", cmp.Or(t.Variable("HOOKSPAN_BUS"), "embedded"),
		config.BusForms()+"; what the benchmark makes there it removes again")
	cmd.Flags().IntVar(&p.connections, "connections", connections, "requests in flight")
	cmd.Flags().StringVar(&p.sync, "sync", "group", "of the embedded bus: group, lazy or always")
}

// benchFlags are those of benchmarks whose sides take turns.
func benchFlags(t *cli.Terminal, p *plan, cmd *cobra.Command, connections, rounds int) {
	busFlags(t, p, cmd, connections)
	cmd.Flags().IntVar(&p.rounds, "rounds", rounds, "rounds of each side, one after the other")
	cmd.Flags().StringVar(&p.profile, "cpuprofile", "", "write a CPU profile of Hookspan's last round to this file")
}

func (p *plan) check() error {
	if p.connections < 1 || p.rounds < 1 || p.events < 0 || (p.events == 0 && p.duration <= 0) {
		return cli.Usage("--connections, --rounds and --events or --duration have to be positive")
	}
	if !(p.traces >= 0 && p.traces <= 1) {
		return cli.Usage("--traces: want a share between 0 and 1, such as 0.01")
	}
	return nil
}

// rateFlag is that of benchmarks at a steady rate, whose plan is checked by checkRate.
func rateFlag(p *plan, cmd *cobra.Command) {
	cmd.Flags().Float64Var(&p.rate, "rate", 100, "webhooks a second")
}

func (p *plan) checkRate() error {
	if p.rate <= 0 {
		return cli.Usage("--rate has to be positive")
	}
	return p.check()
}

// beside bounds what is done beside the measurement, such as warming up, by what is measured.
func (p *plan) beside(n int64) int64 {
	if p.events == 0 {
		return n
	}
	return min(n, p.events)
}

// last is where the profile of a round goes: the last one has one, if any.
func (p *plan) last(round int) string {
	if round == p.rounds {
		return p.profile
	}
	return ""
}

// Command is the command and all below it.
func Command(t *cli.Terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure intake and delivery against a bare program, on this machine",
		Long: "Measure Hookspan against its own baseline in the same run: a bare program that does only what cannot be left out.\n" +
			"All sides take turns, so that a machine that is busy with something else slows all of them. Beside the baseline\n" +
			"each benchmark runs a bare publish loop on the same bus, with the bus's own client and as much in flight.",
		Example: "  hookspan bench intake --sync group\n  hookspan bench intake --traces 0.01 --rounds 20 --duration 60s\n  hookspan bench delivery --json\n  hookspan bench publish --bus nats://localhost:4222\n  hookspan bench neighbours",
		Args:    cobra.NoArgs,
	}
	cmd.AddCommand(backupCommand(t), intakeCommand(t), deliveryCommand(t), hostileCommand(t), latencyCommand(t), memoryCommand(t), neighboursCommand(t), publishCommand(t), replayCommand(t), receiverCommand(t))
	return cmd
}

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

// merge adds the rounds of another.
func (y *tally) merge(o *tally) {
	y.done += o.done
	y.elapsed += o.elapsed
	y.mallocs += o.mallocs
	y.latency.Merge(&o.latency)
}

// allocs is how many allocations there were for an event.
func (y *tally) allocs() float64 {
	if y.done == 0 {
		return 0
	}
	return float64(y.mallocs) / float64(y.done)
}

// measured adds up the sides. Allocations are those of the whole process while Hookspan's side
// ran; the client makes none.
func measured(name string, p *plan, ours, baseline, published *tally) *Measurement {
	m := &Measurement{
		Name: name, Bus: p.kind(), Sync: p.durable(), Connections: p.connections, Events: ours.done,
		Throughput: ours.rate(), Baseline: baseline.rate(), BarePublish: published.rate(),
		P50: milliseconds(ours.latency.Quantile(0.5)), P99: milliseconds(ours.latency.Quantile(0.99)),
		AllocsPerEvent: ours.allocs(), RSS: residentMB(),
	}
	if m.Baseline > 0 {
		m.Ratio = m.Throughput / m.Baseline
	}
	if m.BarePublish > 0 {
		m.PublishRatio = m.Throughput / m.BarePublish
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
		return cli.Usage("--cpuprofile: %w", err)
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
