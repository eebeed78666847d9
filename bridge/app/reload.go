package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

const lookForChanges = 5 * time.Second

// adoptTime bounds how long a bus that is away keeps a newer configuration from being seen.
const adoptTime = 5 * time.Second

// A reloading is what is known of the configuration's files.
type reloading struct {
	app   *App
	seen  map[string]stamp // the files that were taken over or refused
	whole *config.Config   // the last one that was taken over as a whole
	told  string           // what keeps the newest from that
}

// newReloading belongs to a configuration that has just been read: what changes while the
// start waits is seen later.
func newReloading(a *App) *reloading {
	return &reloading{app: a, seen: stamps(a.Config.Files), whole: a.Config}
}

// watches has one more file looked at, as it is now. It is for the time before watch runs.
func (r *reloading) watches(path string) { maps.Copy(r.seen, stamps([]string{path})) }

// files are those of a configuration, and that of the seal keys which the process keeps itself.
func (r *reloading) files(c *config.Config) []string {
	if path := r.app.Keys().SealPath; path != "" {
		return append(slices.Clip(c.Files), path)
	}
	return c.Files
}

// watch loads the configuration again when one of its files has changed, or when asked
// to, until ctx ends. One that is wrong is refused and the old one kept; one that the bus did
// not take is tried again until it does.
func (r *reloading) watch(ctx context.Context) {
	if r.app.Reload == nil {
		return
	}
	for {
		pause := lookForChanges
		if r.told != "" {
			pause = openRetry
		}
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-r.app.Hangup:
			asked = true
		case <-time.After(pause):
		}
		if now := stamps(r.files(r.app.current.Load())); asked || r.told != "" || !maps.Equal(r.seen, now) {
			r.reload(ctx, now)
		}
	}
}

// reload takes over sources, endpoints and seal keys; other settings hold from the next start on.
func (r *reloading) reload(ctx context.Context, now map[string]stamp) {
	c, err := r.app.Reload()
	if err == nil {
		err = r.takeOver(ctx, c)
	}
	switch {
	case err == nil:
		r.seen, r.whole, r.told = stampsSince(now, r.files(c)), c, ""
		r.app.Log.Info("configuration reloaded", slog.Int("sources", len(c.Sources)), slog.Int("endpoints", len(c.Endpoints)))
	case errors.Is(err, errNotYet):
		if r.told != err.Error() { // once, however long it lasts
			r.told = err.Error()
			r.app.Log.Warn("configuration reloaded but for the endpoints, which are tried again", slog.Any("error", err))
		}
	default:
		r.seen, r.told = now, ""
		r.app.Log.Error("configuration not reloaded, the old one stays", slog.Any("error", err))
	}
}

// errNotYet: the bus has not taken the endpoints, which says nothing about them.
var errNotYet = errors.New("the bus did not take them")

// takeOver first takes the sources, which need no bus: a rotated secret holds at once. Endpoints
// that are refused take them back with them.
func (r *reloading) takeOver(ctx context.Context, c *config.Config) error {
	if err := r.takeSources(c); err != nil {
		return err
	}
	if !r.app.runs(config.RoleDispatcher) && !r.app.runs(config.RoleAdmin) {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, adoptTime)
	defer cancel()
	_, err := r.app.keyring.newer(c)
	if err == nil {
		err = r.app.adopt(bounded, c)
	}
	if err == nil {
		err = r.app.keyring.take(bounded, c)
	}
	var invalid *endpoint.InvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid), errors.Is(err, endpoint.ErrNameTaken), errors.Is(err, errKeys):
		return errors.Join(err, r.takeSources(r.whole))
	}
	return fmt.Errorf("%w: %w", errNotYet, err)
}

func (r *reloading) takeSources(c *config.Config) error {
	if r.app.receiver != nil {
		if err := r.app.receiver.Replace(sources(c)); err != nil {
			return err
		}
	}
	r.app.current.Store(c)
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
