package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/statelog"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A reset is what reset-shard was asked for.
type reset struct {
	shard int
	since time.Time
	sure  bool
}

func (d *doctor) resetCommand() *cobra.Command {
	var since string
	var r reset
	cmd := &cobra.Command{
		Use:   "reset-shard N --since TIME",
		Short: "Begin a damaged shard's state log again, at a time",
		Long: "Begin shard N again in front of the first event that was stored at TIME or later. Its endpoints get what came since then\n" +
			"and was not delivered as far as the journal tells; what waited from before is forgotten. A shard that is not damaged is\n" +
			"left alone without --yes. An embedded bus needs its server stopped; on a cluster the replicas may run.",
		Example: "  hookspan doctor reset-shard 5 --since 2026-05-04T00:00:00Z",
		Args:    cobra.ExactArgs(1),
		RunE: d.Action(func(cmd *cobra.Command, args []string) (err error) {
			if r.shard, err = strconv.Atoi(args[0]); err != nil || r.shard < 0 {
				return cli.Usage("want the number of a shard, such as 5")
			}
			if r.since, err = time.Parse(time.RFC3339, since); err != nil {
				return cli.Usage("--since: want an RFC 3339 time such as 2026-05-04T00:00:00Z")
			}
			return d.reset(cmd.Context(), r)
		}),
	}
	cmd.Flags().StringVar(&since, "since", "", "begin in front of the first event of this RFC 3339 time or later (required)")
	cmd.Flags().BoolVar(&r.sure, "yes", false, "also when the shard is not damaged: what waits in it is forgotten")
	return cmd
}

func (d *doctor) reset(ctx context.Context, r reset) (err error) {
	c, b, err := d.bus(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	o, err := d.open(ctx, c, b)
	if err != nil {
		f := unopened(err)
		return fmt.Errorf("open the bus: %s: %s", f.Detail, f.Remedy)
	}
	if n := shardsThere(ctx, registryOf(o.Bus, nil)); r.shard >= n {
		return cli.Usage("want the number of a shard, 0 to %d", n-1)
	}
	damaged, err := statelog.Damaged(ctx, o.Bus, r.shard)
	if !r.sure {
		switch {
		case err != nil:
			return fmt.Errorf("read shard %d: %w; with --yes it is begun again all the same", r.shard, err)
		case !damaged:
			return fmt.Errorf("shard %d is not damaged; with --yes it is begun again all the same, and what waits in it is forgotten", r.shard)
		}
	}
	sealer, err := app.Sealer(c)
	if err != nil {
		return err
	}
	registry := endpoint.NewRegistry(o.Bus, sealer, endpoint.Options{Log: slog.New(slog.DiscardHandler)})
	set, err := registry.Refresh(ctx)
	if err != nil {
		return fmt.Errorf("read the endpoints: %w", err)
	}
	if err := statelog.Reset(ctx, o.Bus, r.shard, set.Revision, r.since); err != nil {
		return err
	}
	done := struct {
		Shard int       `json:"shard"`
		Since time.Time `json:"since"`
	}{r.shard, r.since}
	return d.Document(done, func(w io.Writer) {
		fmt.Fprintf(w, "Shard %d begins at %s.\n", r.shard, r.since.Format(time.RFC3339))
	})
}
