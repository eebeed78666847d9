package app

import (
	"context"
	"log/slog"
	"os"
	"time"
)

const lookForChanges = 5 * time.Second

// watchConfig loads the configuration again when one of its files has changed, or when asked
// to, until ctx ends. One that is wrong is refused and the old one kept.
func (a *App) watchConfig(ctx context.Context) {
	if a.Reload == nil {
		return
	}
	seen := stamps(a.Config.Files)
	tick := time.NewTicker(lookForChanges)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.Hangup:
		case <-tick.C:
			now := stamps(a.Config.Files)
			if same(seen, now) {
				continue
			}
			seen = now
		}
		if err := a.reload(ctx); err != nil {
			a.Log.Error("configuration not reloaded, the old one stays", slog.Any("error", err))
			continue
		}
		seen = stamps(a.Config.Files)
		a.Log.Info("configuration reloaded", slog.Int("sources", len(a.Config.Sources)), slog.Int("endpoints", len(a.Config.Endpoints)))
	}
}

// reload takes over sources and endpoints; other settings hold from the next start on.
func (a *App) reload(ctx context.Context) error {
	c, err := a.Reload()
	if err != nil {
		return err
	}
	old := a.Config
	a.Config = c
	if err := a.receiver.Replace(sources(c)); err != nil {
		a.Config = old
		return err
	}
	if err := a.adopt(ctx); err != nil {
		a.Config = old
		_ = a.receiver.Replace(sources(old)) // they were good before
		return err
	}
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
