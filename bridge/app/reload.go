package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"time"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

const lookForChanges = 5 * time.Second

// adoptTime bounds how long a bus that is away keeps a newer configuration from being seen.
const adoptTime = 5 * time.Second

// A reloading is what is known of the configuration's files.
type reloading struct {
	seen  map[string]stamp // the files that were taken over or refused
	whole *config.Config   // the last one that was taken over as a whole
	told  string           // what keeps the newest from that
}

// newReloading belongs to a configuration that has just been read: what changes while the
// start waits is seen later.
func newReloading(c *config.Config) *reloading {
	return &reloading{seen: stamps(c.Files), whole: c}
}

// watchConfig loads the configuration again when one of its files has changed, or when asked
// to, until ctx ends. One that is wrong is refused and the old one kept; one that the bus did
// not take is tried again until it does.
func (a *App) watchConfig(ctx context.Context) {
	if a.Reload == nil {
		return
	}
	for {
		pause := lookForChanges
		if a.reloading.told != "" {
			pause = openRetry
		}
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-a.Hangup:
			asked = true
		case <-time.After(pause):
		}
		if now := stamps(a.current.Load().Files); asked || a.reloading.told != "" || !maps.Equal(a.reloading.seen, now) {
			a.reload(ctx, now)
		}
	}
}

// reload takes over sources and endpoints; other settings hold from the next start on.
func (a *App) reload(ctx context.Context, now map[string]stamp) {
	r := a.reloading
	c, err := a.Reload()
	if err == nil {
		err = a.takeOver(ctx, c)
	}
	switch {
	case err == nil:
		r.seen, r.whole, r.told = stampsSince(now, c.Files), c, ""
		a.Log.Info("configuration reloaded", slog.Int("sources", len(c.Sources)), slog.Int("endpoints", len(c.Endpoints)))
	case errors.Is(err, errNotYet):
		if r.told != err.Error() { // once, however long it lasts
			r.told = err.Error()
			a.Log.Warn("configuration reloaded but for the endpoints, which are tried again", slog.Any("error", err))
		}
	default:
		r.seen, r.told = now, ""
		a.Log.Error("configuration not reloaded, the old one stays", slog.Any("error", err))
	}
}

// errNotYet: the bus has not taken the endpoints, which says nothing about them.
var errNotYet = errors.New("the bus did not take them")

// takeOver first takes the sources, which need no bus: a rotated secret holds at once. Endpoints
// that are refused take them back with them.
func (a *App) takeOver(ctx context.Context, c *config.Config) error {
	if err := a.takeSources(c); err != nil {
		return err
	}
	if !a.runs(config.RoleDispatcher) && !a.runs(config.RoleAdmin) {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, adoptTime)
	defer cancel()
	err := a.adopt(bounded, c)
	var invalid *endpoint.InvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid), errors.Is(err, endpoint.ErrNameTaken):
		return errors.Join(err, a.takeSources(a.reloading.whole))
	}
	return fmt.Errorf("%w: %w", errNotYet, err)
}

func (a *App) takeSources(c *config.Config) error {
	if a.receiver != nil {
		if err := a.receiver.Replace(sources(c)); err != nil {
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

// stampsSince are those of files as they were before they were read; one that was not looked at
// then is looked at now.
func stampsSince(before map[string]stamp, files []string) map[string]stamp {
	all := stamps(files)
	for f, s := range before {
		if _, still := all[f]; still {
			all[f] = s
		}
	}
	return all
}
