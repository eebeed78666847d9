package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/backup"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// RestoreCommand is the command.
func RestoreCommand(t *cli.Terminal) *cobra.Command {
	d := &doctor{Terminal: t}
	var check, join bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup onto an empty bus",
		Long: "Put a backup onto the bus that the settings of serve name: endpoints, events, and what was owed to whom when the backup\n" +
			"was made. The bus may be of another kind than the one that the backup is of. It must hold no event and no record of this\n" +
			"namespace, and no server may run on it yet. The seal key has to be the one of the old installation (HOOKSPAN_SEAL_KEY, or\n" +
			"the file seal-key in the data folder). The whole file is read before anything is written.\n\n" +
			"What was delivered or published after the backup was made is not known to it: the former is delivered again, with the same\n" +
			"webhook-id, the latter is missing. Events have the time of the restore as the one at which they were stored.\n\n" +
			"An embedded cluster needs its members for that: run restore --join at all but one of them, restore at the last one, then\n" +
			"interrupt those and start the servers.",
		Example: "  hookspan restore hookspan.backup\n  HOOKSPAN_BUS=nats://h1:4222,h2:4222,h3:4222 hookspan restore hookspan.backup\n  hookspan restore hookspan.backup --check",
		Args: func(cmd *cobra.Command, args []string) error {
			if join {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: t.Action(func(cmd *cobra.Command, args []string) error {
			if join {
				return d.join(cmd.Context())
			}
			return d.restore(cmd.Context(), args[0], check)
		}),
	}
	cmd.Flags().BoolVar(&check, "check", false, "read the file to its end, say what it holds, and write nothing; no settings are needed")
	cmd.Flags().BoolVar(&join, "join", false, "be a member of the embedded cluster that another member restores onto, until this is interrupted; takes no file")
	cmd.MarkFlagsMutuallyExclusive("check", "join")
	cmd.Flags().DurationVar(&d.patience, "timeout", 15*time.Second, "how long to wait for a bus that does not answer")
	return cmd
}

func (d *doctor) restore(ctx context.Context, path string, check bool) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return cli.Usage("%w", err)
	}
	defer func() { _ = file.Close() }() // read-only
	if check {
		head, holds, err := backup.Check(file)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return d.Document(report{head, holds}, func(w io.Writer) { describe(head, holds, w) })
	}
	c, b, err := d.bus(ctx)
	if err != nil {
		return err
	}
	target, err := app.BackupTarget(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	x, err := backup.Examine(file, target)
	switch {
	case errors.Is(err, endpoint.ErrSealed):
		return fmt.Errorf("%s: %w (a server with an embedded bus keeps its key in the file %s of its data folder)", path, err, app.SealFile)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	o, err := d.openPatiently(ctx, b)
	defer func() { err = errors.Join(err, b.Close()) }()
	switch {
	case errors.Is(err, embedded.ErrInUse):
		return fmt.Errorf("a server has the data folder %s: stop it, and give the restore a folder without events", c.DataDir)
	case err != nil:
		f := unopened(err)
		return fmt.Errorf("open the bus: %s: %s", f.Detail, f.Remedy)
	}
	err = x.Restore(ctx, o.Bus)
	switch {
	case errors.Is(err, backup.ErrUnfinished), errors.Is(err, backup.ErrNotEmpty):
		return fmt.Errorf("%w; stop all servers of the namespace %s, then %s", err, c.Namespace, b.Emptied())
	case err != nil:
		return err
	}
	return d.Document(report{x.Head, x.Holds}, func(w io.Writer) {
		describe(x.Head, x.Holds, w)
		fmt.Fprintln(w, "It was restored. Start the servers with the settings that this command had.")
	})
}

// join makes this process a member of the embedded cluster, and nothing else, until ctx ends.
func (d *doctor) join(ctx context.Context) (err error) {
	c, b, err := d.bus(ctx)
	if err != nil {
		return err
	}
	if c.Embedded.Cluster == "" || c.Bus.Kind != config.BusEmbedded {
		return cli.Usage("--join is for members of an embedded cluster: set HOOKSPAN_EMBEDDED_CLUSTER and HOOKSPAN_EMBEDDED_PEERS")
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	d.Progress("Waiting for the other members of %s.", c.Embedded.Cluster)
	if _, err := d.openUntil(ctx, b); err != nil && ctx.Err() == nil {
		f := unopened(err)
		return fmt.Errorf("open the bus: %s: %s", f.Detail, f.Remedy)
	}
	d.Progress("The cluster is there. Interrupt this once the restore at another member is done.")
	<-ctx.Done()
	return nil
}
