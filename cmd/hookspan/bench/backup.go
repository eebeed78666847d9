package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/backup"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A safekeeping is what the benchmark of backup prints: an installation that went into a file and
// came back. Each amount of memory is the largest that the process had.
type safekeeping struct {
	Name       string  `json:"name"`
	Bus        string  `json:"bus"`
	Sync       string  `json:"sync"`
	Events     int64   `json:"events"`  // each is owed to one endpoint
	File       float64 `json:"file_mb"` // of the backup
	Backup     float64 `json:"backup_s"`
	BackupRSS  float64 `json:"backup_rss_mb"`
	Restore    float64 `json:"restore_s"`
	RestoreRSS float64 `json:"restore_rss_mb"`
	Ready      float64 `json:"ready_s"` // of a server, on what was restored
}

func (s *safekeeping) write(w io.Writer) {
	fmt.Fprintf(w, "%s on %s, sync %s, %d events, each owed to an endpoint\n  file          %.0f MB\n", s.Name, s.Bus, s.Sync, s.Events, s.File)
	fmt.Fprintf(w, "  backup        %.1f s, %.0f MB at the most\n  restore       %.1f s, %.0f MB at the most\n", s.Backup, s.BackupRSS, s.Restore, s.RestoreRSS)
	fmt.Fprintf(w, "  server there  ready in %.1f s\n", s.Ready)
}

func backupCommand(t *cli.Terminal) *cobra.Command {
	var p plan
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Measure how long a backup and a restore take, and in how much memory",
		Long: "Measure the backup of a bus that holds events of 1 KB, each of which is owed to an endpoint that is paused, and its\n" +
			"restore onto the same bus, emptied: how long they take, and the largest resident memory of each, which are processes of\n" +
			"their own (with the embedded bus they have the bus in them). Then a server starts on what was restored, and has\n" +
			"to find everything waiting.",
		Example: "  hookspan bench backup\n  hookspan bench backup --bus kafka://localhost:9092 --events 100000 --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			if p.connections < 1 || p.events < 1 {
				return cli.Usage("--connections and --events have to be positive")
			}
			s, err := measureBackup(cmd.Context(), t, &p)
			if err != nil {
				return err
			}
			return t.Document(s, s.write)
		}),
	}
	busFlags(t, &p, cmd, 256)
	cmd.Flags().Int64Var(&p.events, "events", 1_000_000, "events that the bus holds")
	return cmd
}

func measureBackup(ctx context.Context, t *cli.Terminal, p *plan) (*safekeeping, error) {
	dir, err := os.MkdirTemp("", "hookspan-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	s := &safekeeping{Name: "backup", Bus: p.kind(), Sync: p.durable(), Events: p.events}
	err = atHome(ctx, t, p, func(home *benchHome) error { return s.measure(ctx, t, home, p, filepath.Join(dir, "backup")) })
	return s, errors.Join(err, os.RemoveAll(dir))
}

func (s *safekeeping) measure(ctx context.Context, t *cli.Terminal, home *benchHome, p *plan, file string) (err error) {
	t.Progress("publishing %d events", p.events)
	if err := fill(ctx, home, p); err != nil {
		return fmt.Errorf("fill the bus: %w", err)
	}
	t.Progress("backing up")
	if s.Backup, s.BackupRSS, err = s.carry(ctx, t, home, "backup", file); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("look at the backup: %w", err)
	}
	s.File = float64(info.Size()) / 1e6
	if err := home.empty(ctx); err != nil {
		return fmt.Errorf("empty the bus: %w", err)
	}
	t.Progress("restoring")
	if s.Restore, s.RestoreRSS, err = s.carry(ctx, t, home, "restore", file); err != nil {
		return err
	}
	t.Progress("starting a server")
	began := time.Now()
	server, err := home.start(ctx)
	if err != nil {
		return err
	}
	defer server.stop()
	s.Ready = time.Since(began).Seconds()
	api, err := newBenchAPI(server)
	if err != nil {
		return err
	}
	return api.settle(ctx, p.events)
}

// fill publishes events that an endpoint is owed. No server runs meanwhile, and none has to: what
// the endpoint takes is decided by what is on the bus.
func fill(ctx context.Context, home *benchHome, p *plan) error {
	if err := haveEndpoint(ctx, home); err != nil {
		return err
	}
	b, err := home.open(ctx)
	if err != nil {
		return fmt.Errorf("open the bus: %w", err)
	}
	return errors.Join((&tally{}).publish(ctx, b, p.connections, p.events), b.Close())
}

// haveEndpoint registers an endpoint that takes nothing for now.
func haveEndpoint(ctx context.Context, home *benchHome) error {
	nowhere, err := unused(1)
	if err != nil {
		return err
	}
	server, err := home.start(ctx)
	if err != nil {
		return err
	}
	defer server.stop()
	api, err := newBenchAPI(server)
	if err != nil {
		return err
	}
	path, err := api.register(ctx, map[string]any{"name": "paused", "url": "http://" + nowhere[0] + "/"})
	if err != nil {
		return err
	}
	return api.Call(ctx, http.MethodPost, path+"/pause", nil, nil, nil)
}

// carry runs backup or restore to its end and holds what it says against what there is.
func (s *safekeeping) carry(ctx context.Context, t *cli.Terminal, home *benchHome, command, file string) (seconds, mb float64, err error) {
	cmd, err := self(ctx, t, command, file, "--json")
	if err != nil {
		return 0, 0, err
	}
	var said bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = append(cmd.Env, home.environ...), &said, t.Err
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", command, err)
	}
	seconds = time.Since(began).Seconds()
	var told struct{ Holds backup.Summary }
	if err := json.Unmarshal(said.Bytes(), &told); err != nil {
		return 0, 0, fmt.Errorf("read what %s says: %w", command, err)
	}
	if h := told.Holds; int64(h.Events) != s.Events || int64(h.Deliveries) != s.Events {
		return 0, 0, fmt.Errorf("%s has %d events, and %d that are owed, of %d", command, h.Events, h.Deliveries, s.Events)
	}
	return seconds, endedMB(cmd.ProcessState), nil
}

// empty removes whatever is on the bus, which is used again.
func (h *benchHome) empty(ctx context.Context) error {
	if !h.shared {
		return h.discard()
	}
	b, err := h.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(b.remove(ctx), b.Close())
}
