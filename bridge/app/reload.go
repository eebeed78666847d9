package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/dataschema"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/signature"
)

const lookForChanges = 5 * time.Second

// adoptTime bounds how long a bus that is away keeps a newer configuration from being seen.
const adoptTime = 5 * time.Second

// A reloading is what is known of the configuration's files.
type reloading struct {
	app   *App
	seen  map[string]stamp // the files that were taken over or refused
	whole taken            // the last one that was taken over as a whole
	told  string           // what keeps the newest from that
}

// A taken is what was taken over: a configuration, with the providers and schemas as they were then.
type taken struct {
	*config.Config
	catalog *provider.Catalog
	schemas *dataschema.Set
}

// newReloading belongs to a configuration that has just been read: what changes while the
// start waits is seen later.
func newReloading(a *App) *reloading {
	r := &reloading{app: a, whole: taken{Config: a.Config}}
	r.seen = stamps(r.files(a.Config))
	return r
}

// watches has one more file looked at, as it is now. It is for the time before watch runs.
func (r *reloading) watches(path string) { maps.Copy(r.seen, stamps([]string{path})) }

// files are those of a configuration, the operator's own providers and schemas, and that of the seal keys which
// the process keeps itself.
func (r *reloading) files(c *config.Config) []string {
	files := append(slices.Clip(c.Files), r.beside()...)
	if path := r.app.Keys().SealPath; path != "" {
		files = append(files, path)
	}
	return files
}

// beside are the operator's own providers and schemas.
func (r *reloading) beside() []string {
	return append(provider.Files(r.app.Config.ProvidersDir), dataschema.Files(r.app.Config.SchemasDir)...)
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

// reload takes over sources with their providers, endpoints and seal keys; other settings hold from
// the next start on. An endpoint that signs as a provider takes what is new of it when it is changed
// itself, or taken over by another process.
func (r *reloading) reload(ctx context.Context, now map[string]stamp) {
	c, err := r.read()
	if err == nil {
		err = r.takeOver(ctx, c)
	}
	switch {
	case err == nil:
		r.seen, r.whole, r.told = stampsSince(now, r.files(c.Config)), c, ""
		for _, f := range r.beside() {
			if _, read := now[f]; !read { // it came meanwhile
				delete(r.seen, f)
			}
		}
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

func (r *reloading) read() (c taken, err error) {
	if c.Config, err = r.app.Reload(); err != nil {
		return c, err
	}
	if err = r.unopened(c.Config); err != nil {
		return c, err
	}
	if c.schemas, err = dataSchemas(r.app.Config); err != nil {
		return c, err
	}
	c.catalog, err = provider.Load(r.app.Config.ProvidersDir)
	return c, err
}

// unopened finds a source that the bus was not opened for: on JetStream a start sees to it that some
// stream holds the topic, and a bus of our own takes what was the largest body then.
func (r *reloading) unopened(c *config.Config) error {
	begun := r.app.Config
	if r.app.receiver == nil || begun.Bus.Kind.TopicPerSource() {
		return nil
	}
	known, most := []string{"", begun.TopicPrefix}, int64(1<<20)
	for _, s := range sources(begun) {
		known, most = append(known, s.Topic), max(most, written(s))
	}
	for _, s := range sources(c) {
		if begun.Bus.Kind == config.BusEmbedded && written(s) > most {
			return fmt.Errorf("source %q: max_body: events of %d bytes are larger than the bus takes since its start, %d; restart, or set less", s.Name, written(s), most)
		}
		if !slices.Contains(known, s.Topic) && !strings.HasPrefix(s.Topic, begun.TopicPrefix+".") {
			return fmt.Errorf("source %q: topic: %s is not below %s, and only a start has a stream hold it; restart, or choose another", s.Name, s.Topic, begun.TopicPrefix)
		}
	}
	return nil
}

// written is the largest event of a source: in structured mode, what is not text is base64.
func written(s receiver.Source) int64 {
	if s.Content == receiver.Structured {
		return int64(s.MaxBody)/3*4 + 4
	}
	return int64(s.MaxBody)
}

// errNotYet: the bus has not taken the endpoints, which says nothing about them.
var errNotYet = errors.New("the bus did not take them")

// takeOver first takes the sources, which need no bus: a rotated secret holds at once. Endpoints
// that are refused take them back with them.
func (r *reloading) takeOver(ctx context.Context, c taken) error {
	if err := r.unsignable(c); err != nil {
		return err
	}
	if err := r.takeSources(c); err != nil {
		return err
	}
	if !r.app.runs(config.RoleDispatcher) && !r.app.runs(config.RoleAdmin) {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, adoptTime)
	defer cancel()
	_, err := r.app.keyring.newer(c.Config)
	if err == nil {
		err = r.app.adopt(bounded, c.Config)
	}
	if err == nil {
		err = r.app.keyring.take(bounded, c.Config)
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

// unsignable finds an endpoint of the registry that could not sign any more as the providers are now.
func (r *reloading) unsignable(c taken) error {
	if r.app.registry == nil {
		return nil
	}
	for _, e := range r.app.registry.Set().All() {
		if !signature.OfProvider(e.Signature) || e.Locked() {
			continue
		}
		if _, err := (signature.Schemes{Providers: c.catalog}).Compile(e.Signature, e.Options, e.Secrets); err != nil {
			return fmt.Errorf("endpoint %q, which signs as it: %w", e.Name, err)
		}
	}
	return nil
}

func (r *reloading) takeSources(c taken) error {
	was := r.app.catalog.Swap(c.catalog)
	if r.app.receiver != nil {
		if err := r.app.receiver.Replace(sources(c.Config)); err != nil {
			r.app.catalog.Store(was)
			return err
		}
	}
	r.app.schemas.Store(c.schemas)
	r.app.current.Store(c.Config)
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
