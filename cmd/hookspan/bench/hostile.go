package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// What is sent to a server that is under attack, and is to arrive.
const honest = 20

// A hostility is what the benchmark of hostile senders and endpoints prints.
type hostility struct {
	Name    string   `json:"name"`
	Bodies  []packed `json:"bodies"`
	Files   int      `json:"files"`
	Crowds  []crowd  `json:"crowds"`
	Senders int      `json:"senders"`
}

// Packed is what bodies cost that are small until they are looked at.
type packed struct {
	What    string      `json:"what"`
	Bound   string      `json:"bound"` // HOOKSPAN_INTAKE_MEMORY
	Bytes   int         `json:"bytes"` // as one is sent
	Idle    float64     `json:"idle_rss_mb"`
	RSS     float64     `json:"rss_mb"`
	Seconds float64     `json:"seconds"`
	Answers map[int]int `json:"answers"` // by status, 0 for none
}

// A crowd is how a server with few files fares beside many connections.
type crowd struct {
	What      string  `json:"what"`
	Count     int     `json:"count"`
	Files     int     `json:"files_open"` // the most that were; 0: nobody knows
	Taken     int     `json:"webhooks_taken"`
	Delivered int     `json:"delivered"`
	Answered  int     `json:"admin_answers"`
	Slowest   float64 `json:"slowest_ms"` // of webhooks and answers
	Seconds   float64 `json:"seconds"`    // until all was there, or the benchmark gave up
}

func (h *hostility) write(w io.Writer) {
	fmt.Fprintf(w, "%s, %d senders of a body each\n", h.Name, h.Senders)
	for _, b := range h.Bodies {
		fmt.Fprintf(w, "  %-24s %7d bytes, bound %-8s  %.0f MB idle, %.0f MB at the most, %.1f s, answers", b.What, b.Bytes, b.Bound, b.Idle, b.RSS, b.Seconds)
		for _, status := range slices.Sorted(maps.Keys(b.Answers)) {
			fmt.Fprintf(w, " %d×%d", b.Answers[status], status)
		}
		fmt.Fprintln(w)
	}
	for _, c := range h.Crowds {
		fmt.Fprintf(w, "  %-24s %d beside %d files: %d open at the most; of %d each, %d webhooks taken, %d delivered, %d answers of the API, slowest %.0f ms, in %.1f s\n",
			c.What, c.Count, h.Files, c.Files, honest, c.Taken, c.Delivered, c.Answered, c.Slowest, c.Seconds)
	}
}

// A hostilePlan is how it is run.
type hostilePlan struct {
	plan
	launch
	senders, count int
	unbound        bool
	timeout        time.Duration
}

func hostileCommand(t *cli.Terminal) *cobra.Command {
	var p hostilePlan
	cmd := &cobra.Command{
		Use:   "hostile",
		Short: "Measure what hostile senders and endpoints do to a server",
		Long: "Measure servers that are processes of their own: the memory of one while many send bodies that are small until they are\n" +
			"unpacked or parsed, and how one that may open few files takes webhooks, delivers and answers, beside connections that are\n" +
			"left half open, and beside endpoints that never answer. --unbound measures the bodies also with a bound that is none, and\n" +
			"--program another version.",
		Example: "  hookspan bench hostile\n  hookspan bench hostile --unbound --senders 32 --json\n  hookspan bench hostile --program ./hookspan-before",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			if runtime.GOOS == "windows" {
				return cli.Usage("it needs a system with a limit of files")
			}
			if p.senders < 1 || p.count < 0 || p.files < 128 || p.timeout < time.Second {
				return cli.Usage("--senders has to be positive, --count not negative, --files 128 or more and --timeout 1s or more")
			}
			h, err := measureHostile(cmd.Context(), t, &p)
			if err != nil {
				return err
			}
			return t.Document(h, h.write)
		}),
	}
	p.bus = embeddedBench
	cmd.Flags().IntVar(&p.senders, "senders", 28, "who send a body at the same time")
	cmd.Flags().IntVar(&p.count, "count", 400, "connections, and endpoints; 0 leaves them out")
	cmd.Flags().IntVar(&p.files, "files", 256, "that the server beside them may open")
	cmd.Flags().DurationVar(&p.timeout, "timeout", 30*time.Second, "of the endpoints that never answer")
	cmd.Flags().BoolVar(&p.unbound, "unbound", false, "measure the bodies with a bound of 1 TiB, too; mind the memory of this machine")
	cmd.Flags().StringVar(&p.program, "program", "", "the program whose server is measured; this one unless it is given")
	cmd.Flags().StringVar(&p.sync, "sync", "group", "of the embedded bus: group, lazy or always")
	return cmd
}

func measureHostile(ctx context.Context, t *cli.Terminal, p *hostilePlan) (*hostility, error) {
	h := &hostility{Name: "hostile", Files: p.files, Senders: p.senders}
	bounds := []string{"256MiB"}
	if p.unbound {
		bounds = append([]string{"1TiB"}, bounds...)
	}
	for _, one := range bombs() {
		for _, bound := range bounds {
			t.Progress("measuring %s, bound %s", one.what, bound)
			b := packed{What: one.what, Bound: bound, Answers: map[int]int{}}
			if err := atHome(ctx, t, &p.plan, func(home *benchHome) error { return b.measure(ctx, t, home, p, &one) }); err != nil {
				return nil, fmt.Errorf("measure %s: %w", one.what, err)
			}
			h.Bodies = append(h.Bodies, b)
		}
	}
	for _, one := range []struct {
		what  string
		press func(context.Context, *child, *hostilePlan) (stop func(), err error)
	}{{"half-open connections", halfOpen}, {"endpoints that hang", hangingEndpoints}} {
		if p.count == 0 {
			break
		}
		t.Progress("measuring %d %s", p.count, one.what)
		c := crowd{What: one.what, Count: p.count}
		if err := atHome(ctx, t, &p.plan, func(home *benchHome) error { return c.measure(ctx, t, home, p, one.press) }); err != nil {
			return nil, fmt.Errorf("measure %s: %w", one.what, err)
		}
		h.Crowds = append(h.Crowds, c)
	}
	return h, nil
}
