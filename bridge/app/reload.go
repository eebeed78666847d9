package app

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/hookspan/hookspan/bridge/config"
)

const lookForChanges = 5 * time.Second

// watchConfig loads the configuration again when one of its files has changed, or when asked
// to, until ctx ends. One that is wrong is refused and the old one kept.
func (a *App) watchConfig(ctx context.Context) {
	if a.Reload == nil {
		return
	}
	seen := stamps(a.current.Load().Files)
	tick := time.NewTicker(lookForChanges)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.Hangup:
		case <-tick.C:
			now := stamps(a.current.Load().Files)
			if same(seen, now) {
				continue
			}
			seen = now
		}
		if err := a.reload(ctx); err != nil {
			a.Log.Error("configuration not reloaded, the old one stays", slog.Any("error", err))
			continue
		}
		seen = stamps(a.current.Load().Files)
		a.Log.Info("configuration reloaded", slog.Int("sources", len(a.current.Load().Sources)), slog.Int("endpoints", len(a.current.Load().Endpoints)))
	}
}

// reload takes over sources and endpoints; other settings hold from the next start on.
func (a *App) reload(ctx context.Context) error {
	c, err := a.Reload()
	if err != nil {
		return err
	}
	if a.receiver != nil {
		if err := a.receiver.Replace(sources(c)); err != nil {
			return err
		}
	}
	if a.runs(config.RoleDispatcher) || a.runs(config.RoleAdmin) {
		if err := a.adopt(ctx, c); err != nil {
			if a.receiver != nil {
				_ = a.receiver.Replace(sources(a.current.Load())) // they were good before
			}
			return err
		}
	}
	a.current.Store(c)
	return nil
}

// A stamp tells whether a file has changed.
type stamp struct {
	size     int64
	modified time.Time
}

func stamps(files []string) map[string]stamp {
	all := make(map[string]stamp, len(files))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			all[f] = stamp{info.Size(), info.ModTime()}
		}
	}
	return all
}

func same(a, b map[string]stamp) bool {
	if len(a) != len(b) {
		return false
	}
	for f, s := range a {
		if b[f] != s {
			return false
		}
	}
	return true
}
