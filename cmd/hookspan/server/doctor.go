package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/statelog"
	"github.com/hookspan/hookspan/cmd/hookspan/adapter"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/client"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// DoctorCommand is the command and all below it.
func DoctorCommand(t *cli.Terminal) *cobra.Command {
	d := &doctor{Terminal: t}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine the bus: reachable, rights, replication, retention, disk, clock",
		Long: "Examine the bus with the settings that serve has, and what Hookspan keeps there. Each line is one finding: ok, warning or\n" +
			"fault, and what to do. The exit code is 1 when there is a fault. Streams and topics that serve would make are made.\n" +
			"One process at a time has the folder of an embedded bus: while its server runs, the server is asked whether it is ready.",
		Example: "  hookspan doctor\n  HOOKSPAN_BUS=nats://h1:4222,h2:4222,h3:4222 hookspan doctor --json",
		Args:    cobra.NoArgs,
		RunE:    t.Action(func(cmd *cobra.Command, _ []string) error { return d.examine(cmd.Context()) }),
	}
	cmd.PersistentFlags().DurationVar(&d.patience, "timeout", 15*time.Second, "how long to wait for a bus that does not answer")
	cmd.AddCommand(d.resetCommand())
	return cmd
}

// A doctor looks at a bus on its own account; no server runs beside it in this process.
type doctor struct {
	*cli.Terminal
	patience time.Duration
	faults   int
}

// A Finding is one line of an examination, as --json prints it.
type Finding struct {
	Subject string      `json:"subject"`
	Verdict bus.Verdict `json:"verdict"`
	Detail  string      `json:"detail"`
	Remedy  string      `json:"remedy,omitempty"`
}

func (d *doctor) examine(ctx context.Context) error {
	c, b, err := d.bus(ctx)
	if err != nil {
		return err
	}
	for _, w := range c.Warnings {
		detail, remedy := w.What, "change or remove the setting"
		if what, mode, ok := strings.Cut(detail, ": chmod "); ok {
			detail, remedy = what, "chmod "+mode
		}
		if err := d.tell(bus.Finding{Subject: w.Where, Verdict: bus.Warning, Detail: detail, Remedy: remedy}); err != nil {
			return err
		}
	}
	o, err := d.open(ctx, c, b)
	found := b.Examine(ctx)
	switch {
	case err == nil:
		found = append(found, examineLogs(ctx, c, o.Bus)...)
	case errors.Is(err, embedded.ErrInUse):
		found = append(found, d.running(ctx))
	case !errors.Is(err, errNoFolder): // that is among the findings already
		found = append(found, unopened(err))
	}
	found = append(found, d.examineMail(ctx, c)...)
	err = b.Close()
	for _, f := range found {
		err = errors.Join(err, d.tell(f))
	}
	if err == nil && d.faults > 0 {
		err = fmt.Errorf("the examination found %d fault(s)", d.faults)
	}
	return err
}

// bus is the configured one, with nobody let in to it.
func (d *doctor) bus(ctx context.Context) (*config.Config, adapter.Bus, error) {
	c, err := Configured(ctx, d.Environ)
	if err != nil {
		return nil, nil, err
	}
	c.Embedded.Listen = ""
	log := slog.New(slog.NewTextHandler(d.Err, &slog.HandlerOptions{Level: slog.LevelError}))
	return c, adapter.New(c, log, prometheus.NewRegistry()), nil
}

// errNoFolder: an examination makes no data folder.
var errNoFolder = errors.New("there is no data folder")

// open tries for as long as the bus may come by itself.
func (d *doctor) open(ctx context.Context, c *config.Config, b adapter.Bus) (app.Opened, error) {
	if _, err := os.Stat(c.DataDir); c.Bus.Kind == config.BusEmbedded && err != nil {
		return app.Opened{}, fmt.Errorf("%w: %w", errNoFolder, err)
	}
	return d.openPatiently(ctx, b)
}

func (d *doctor) openPatiently(ctx context.Context, b adapter.Bus) (app.Opened, error) {
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	return d.openUntil(ctx, b)
}

// openUntil tries until ctx ends.
func (d *doctor) openUntil(ctx context.Context, b adapter.Bus) (app.Opened, error) {
	for {
		o, err := b.Open(ctx)
		if err == nil || !errors.Is(err, bus.ErrUnavailable) {
			return o, err
		}
		select {
		case <-ctx.Done():
			return o, err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// tell prints one finding.
func (d *doctor) tell(f bus.Finding) error {
	if f.Verdict == bus.Fault {
		d.faults++
	}
	if d.JSON {
		return d.Line(Finding(f))
	}
	line := fmt.Sprintf("%-8s %s: %s", f.Verdict, f.Subject, f.Detail)
	if f.Remedy != "" {
		line += ". Remedy: " + f.Remedy
	}
	// One finding is one line, whatever those who are told of call themselves.
	_, err := fmt.Fprintln(d.Out, cli.Plain(strings.ReplaceAll(line, "\n", "; ")))
	return err
}

// unopened says why there is nothing to look at.
func unopened(err error) bus.Finding {
	f := bus.Finding{Subject: "bus", Verdict: bus.Fault, Detail: err.Error(), Remedy: "change what it names; serve ends with the same error"}
	switch {
	case errors.Is(err, bus.ErrDiskFull):
		f.Remedy = "make room on the volume of the data folder"
	case errors.Is(err, bus.ErrUnavailable):
		f.Remedy = "see that the bus runs and that HOOKSPAN_BUS names it; serve waits for it"
	}
	return f
}

// running asks the server that has the data folder: one process at a time can read it.
func (d *doctor) running(ctx context.Context) bus.Finding {
	const closed = "what is kept in the folder can be examined while the server is stopped"
	f := bus.Finding{Subject: "running server", Verdict: bus.Fault, Remedy: "see the server's log"}
	var where client.Connection
	c, err := where.Open(d.Terminal)
	if err != nil {
		f.Detail = "a running server has the data folder, and its admin address is not known; " + closed
		f.Remedy = "ask its /readyz, or stop it and examine again"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	if err := c.Call(ctx, http.MethodGet, "/readyz", nil, nil, nil); err != nil {
		f.Detail = err.Error()
		return f
	}
	f.Verdict, f.Detail, f.Remedy = bus.Fine, fmt.Sprintf("ready, at %s; %s", c.Server, closed), ""
	return f
}

// examineLogs reads what Hookspan keeps for itself.
func examineLogs(ctx context.Context, c *config.Config, b app.Bus) []bus.Finding {
	sealer, err := app.Sealer(c)
	if err != nil {
		f := bus.Finding{Subject: "registry", Verdict: bus.Fault, Detail: err.Error(), Remedy: "give the right HOOKSPAN_SEAL_KEY"}
		return append([]bus.Finding{f}, statelog.Examine(ctx, b, shardsThere(ctx, registryOf(b, nil)))...)
	}
	r := registryOf(b, sealer)
	return append([]bus.Finding{examineRegistry(ctx, r)}, statelog.Examine(ctx, b, shardsThere(ctx, r))...)
}

func registryOf(b app.Bus, sealer *endpoint.Sealer) *endpoint.Registry {
	return endpoint.NewRegistry(b, sealer, endpoint.Options{Log: slog.New(slog.DiscardHandler)})
}

// shardsThere is how many there are, or would be where nothing says so.
func shardsThere(ctx context.Context, r *endpoint.Registry) int {
	if n, err := r.RecordedShards(ctx); err == nil && n > 0 {
		return n
	}
	return app.Shards
}

func examineRegistry(ctx context.Context, r *endpoint.Registry) bus.Finding {
	f := bus.Finding{Subject: "registry", Verdict: bus.Fault}
	switch err := cmp.Or(r.Load(ctx), r.Finished(ctx)); {
	case err == nil:
		f.Verdict, f.Detail = bus.Fine, fmt.Sprintf("%d endpoints", len(r.Set().All()))
		if n := sealedBehind(r.Keys()); n > 0 {
			f.Verdict, f.Detail = bus.Warning, fmt.Sprintf("%s, of which %d are sealed with an older key", f.Detail, n)
			f.Remedy = "hookspan keys rotate, before that key is taken out of HOOKSPAN_SEAL_KEY"
		}
	case errors.Is(err, endpoint.ErrSealed):
		f.Detail, f.Remedy = err.Error(), "add the key to HOOKSPAN_SEAL_KEY"
	case errors.Is(err, bus.ErrNewerFormat):
		f.Detail, f.Remedy = err.Error(), "run the version that wrote it, or a later one"
	case errors.Is(err, endpoint.ErrUnfinished):
		f.Detail, f.Remedy = endpoint.ErrUnfinished.Error(), "run hookspan restore again, which says what has to go before that"
	case errors.Is(err, endpoint.ErrDamaged):
		f.Detail, f.Remedy = err.Error(), "restore the stream or topic of the registry from a backup"
	default:
		f.Detail, f.Remedy = err.Error(), "see whether the bus answers, then examine it again"
	}
	return f
}

// sealedBehind counts the endpoints that another key than the newest seals.
func sealedBehind(keys []endpoint.KeyUse) (n int) {
	for i, k := range keys {
		if i > 0 {
			n += k.Endpoints
		}
	}
	return n
}
