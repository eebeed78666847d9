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
	"github.com/hookspan/hookspan/cmd/hookspan/adapter"
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
			"the file seal-key in the data folder). The whole file (- is the standard input) is read before\n" +
			"anything is written.\n\n" +
			"What was delivered or published after the backup was made is not known to it: the former is delivered again, with the same\n" +
			"webhook-id, the latter is missing. Events have the time of the restore as the one at which they were stored.\n\n" +
			"An embedded cluster needs its members for that: run restore --join at all but one of them, restore at the last one, then\n" +
			"interrupt those and start the servers. Beside a restore --join that has the data folder, restore hands the file over to it,\n" +
			"as in a pod.",
		Example: "  hookspan restore hookspan.backup\n  HOOKSPAN_BUS=nats://h1:4222,h2:4222,h3:4222 hookspan restore hookspan.backup\n  hookspan restore hookspan.backup --check\n" +
			"  kubectl exec -i hookspan-0 -- /hookspan restore - < hookspan.backup",
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
	cmd.Flags().BoolVar(&join, "join", false, "have the embedded bus open, as a member of its cluster where there is one, for a restore beside this or at another member, until this is interrupted; takes no file")
	cmd.MarkFlagsMutuallyExclusive("check", "join")
	cmd.Flags().DurationVar(&d.patience, "timeout", 15*time.Second, "how long to wait for a bus that does not answer")
	return cmd
}

func (d *doctor) restore(ctx context.Context, path string, check bool) (err error) {
	file, err := d.openBackup(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
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
	x, err := examined(c, file.File)
	if err != nil {
		return err
	}
	o, err := d.openPatiently(ctx, b)
	defer func() { err = errors.Join(err, b.Close()) }()
	var done report
	switch {
	case errors.Is(err, embedded.ErrInUse):
		done, err = d.handOver(ctx, c.DataDir, file.Name())
	case err != nil:
		f := unopened(err)
		return fmt.Errorf("open the bus: %s: %s", f.Detail, f.Remedy)
	default:
		done, err = target{c, b, o.Bus}.take(ctx, x)
	}
	if err != nil {
		return err
	}
	return d.Document(done, func(w io.Writer) {
		describe(done.Head, done.Holds, w)
		fmt.Fprintln(w, "It was restored. Start the servers with the settings that this command had.")
	})
}

// examined holds a backup against the settings.
func examined(c *config.Config, file *os.File) (*backup.Restoration, error) {
	onto, err := app.BackupTarget(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	x, err := backup.Examine(file, onto)
	switch {
	case errors.Is(err, endpoint.ErrSealed):
		return nil, fmt.Errorf("%s: %w (a server with an embedded bus keeps its key in the file %s of its data folder)", file.Name(), err, app.SealFile)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file.Name(), err)
	}
	return x, nil
}

// A target is a bus that is open for a backup.
type target struct {
	conf    *config.Config
	adapter adapter.Bus
	bus     app.Bus
}

func (t target) take(ctx context.Context, x *backup.Restoration) (report, error) {
	err := x.Restore(ctx, t.bus)
	if errors.Is(err, backup.ErrUnfinished) || errors.Is(err, backup.ErrNotEmpty) {
		err = fmt.Errorf("%w; stop all servers of the namespace %s, then %s", err, t.conf.Namespace, t.adapter.Emptied())
	}
	return report{x.Head, x.Holds}, err
}
