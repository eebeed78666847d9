package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/backup"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/client"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// A backing is what backup was asked for.
type backing struct {
	*doctor
	where client.Connection
	since backup.Since
}

// BackupCommand is the command.
func BackupCommand(t *cli.Terminal) *cobra.Command {
	b := &backing{doctor: &doctor{Terminal: t}}
	var since string
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write endpoints, events and what is owed to whom into a file",
		Long: "Write a backup of the installation: its endpoints (their secrets stay sealed: keep HOOKSPAN_SEAL_KEY, or the file seal-key of\n" +
			"the data folder, elsewhere), the events that its bus holds, and to whom each of them is still owed. restore puts it onto a\n" +
			"bus of the same or another kind. What is published while it is made may be missing; nothing stops for it.\n\n" +
			"The settings are those of serve. A bus that others may use, and the folder of an embedded one whose server is stopped, are\n" +
			"read from here; a running server with an embedded bus, and one that is named, is asked through its API (GET /v1/backup).\n" +
			"The file has the mode 0600 and must not exist; - is the standard output. It is checked as it is written. History of\n" +
			"attempts, refused requests, the ids of the dedup window that were in no event, and keys are not in it.",
		Example: "  hookspan backup hookspan.backup\n  hookspan backup daily.backup --since 2026-05-04T00:00:00Z\n  kubectl exec hookspan-0 -- hookspan backup - > hookspan.backup",
		Args:    cobra.ExactArgs(1),
		RunE: t.Action(func(cmd *cobra.Command, args []string) (err error) {
			if b.since, err = backup.ParseSince(since); err != nil {
				return cli.Usage("--since: %w", err)
			}
			return b.run(cmd.Context(), args[0])
		}),
	}
	b.where.Flags(cmd)
	cmd.Flags().StringVar(&since, "since", "all", "which events, beside those that are owed: all, none, or those stored at an RFC 3339 time or later")
	cmd.Flags().DurationVar(&b.patience, "timeout", 15*time.Second, "how long to wait for a bus that does not answer")
	return cmd
}

func (b *backing) run(ctx context.Context, path string) error {
	if path == "-" {
		head, holds, err := b.write(ctx, cli.Raw(b.Out))
		if err != nil {
			return err
		}
		describe(head, holds, b.Err)
		return nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, os.ErrExist):
		return cli.Usage("%s exists: a backup overwrites nothing, give another name", path)
	case err != nil:
		return fmt.Errorf("make the file: %w", err)
	}
	head, holds, err := b.write(ctx, file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path)) // half a backup is none
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil { // so that the name survives, too, where that can be asked for
		_ = dir.Sync()
		_ = dir.Close()
	}
	return b.Document(report{head, holds}, func(w io.Writer) { describe(head, holds, w) })
}

// A report is what --json prints of a backup.
type report struct {
	backup.Head
	Holds backup.Summary `json:"holds"`
}

func describe(head backup.Head, holds backup.Summary, w io.Writer) {
	fmt.Fprintf(w, "The backup was made at %s by version %s of the %s bus, namespace %s, events since: %s.\n",
		head.Made.Format(time.RFC3339), head.By, head.Bus, head.Namespace, head.Since)
	fmt.Fprintf(w, "It holds %d endpoint(s), %d event(s) of %d bytes, and %d deliveries that are owed.\n", holds.Endpoints, holds.Events, holds.Bytes, holds.Deliveries)
	if holds.Events > 0 {
		fmt.Fprintf(w, "Its events were stored from %s to %s.\n", holds.Oldest.Format(time.RFC3339), holds.Newest.Format(time.RFC3339))
	}
	if holds.Expired > 0 {
		fmt.Fprintf(w, "%d deliveries were pending whose events have expired; they are left out.\n", holds.Expired)
	}
	if holds.Invalid > 0 {
		fmt.Fprintf(w, "%d messages are no valid events and are left out.\n", holds.Invalid)
	}
}

// write makes the backup and checks it on its way.
func (b *backing) write(ctx context.Context, to io.Writer) (backup.Head, backup.Summary, error) {
	type checked struct {
		head  backup.Head
		holds backup.Summary
		err   error
	}
	in, out := io.Pipe()
	done := make(chan checked, 1) // the goroutine sends, once
	go func() {
		var c checked
		c.head, c.holds, c.err = backup.Check(in)
		_, _ = io.Copy(io.Discard, in) // whoever writes must not wait for a reader that has seen enough
		done <- c
	}()
	err := b.produce(ctx, io.MultiWriter(to, out))
	out.CloseWithError(err)
	c := <-done
	return c.head, c.holds, cmp.Or(err, c.err)
}

// produce writes a backup made here, or by the server that has the bus.
func (b *backing) produce(ctx context.Context, to io.Writer) (err error) {
	if b.where.Named(b.Terminal) {
		return b.ask(ctx, to)
	}
	c, bus, err := b.bus(ctx)
	if err != nil {
		return err
	}
	o, err := b.open(ctx, c, bus)
	if errors.Is(err, embedded.ErrInUse) {
		if err := bus.Close(); err != nil {
			return err
		}
		return b.ask(ctx, to)
	}
	defer func() { err = errors.Join(err, bus.Close()) }()
	if err != nil {
		f := unopened(err)
		return fmt.Errorf("open the bus: %s: %s", f.Detail, f.Remedy)
	}
	source := app.BackupSource(c, o.Bus, cli.Version(), slog.New(slog.DiscardHandler))
	source.Since = b.since
	return backup.Write(ctx, source, to)
}

// ask has a running server make the backup.
func (b *backing) ask(ctx context.Context, to io.Writer) error {
	api, err := b.where.Open(b.Terminal)
	if err != nil {
		return err
	}
	return api.Download(ctx, "/v1/backup", url.Values{"since": {b.since.String()}}, to)
}
