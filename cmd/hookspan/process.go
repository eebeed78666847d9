package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// A process is a Hookspan server with the bus and the sender that it works on.
type process struct {
	*app.App
	keys   app.Keys
	bus    *embedded.Server
	store  *jetstream.Store
	sender *webhook.Sender
}

// parts are what a command may add to a server.
type parts struct {
	log      *slog.Logger
	observer dispatch.Observer
	reload   func() (*config.Config, error)
	hangup   <-chan struct{}
}

// open brings up the embedded bus in the data folder and puts a server on top of it. The
// caller runs it and then closes it.
func open(ctx context.Context, c *config.Config, p parts) (_ *process, err error) {
	pr := &process{}
	defer func() {
		if err != nil {
			err = errors.Join(err, pr.close())
		}
	}()
	registry := prometheus.NewRegistry()
	if pr.bus, err = embedded.Open(ctx, busOptions(c, p.log, registry)); err != nil {
		return nil, err
	}
	if pr.keys, err = app.LoadKeys(c); err != nil {
		return nil, err
	}
	if pr.store, err = openStore(ctx, c, pr.bus, p.log); err != nil {
		return nil, err
	}
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hookspan_disk_free_bytes", Help: "Free bytes on the data folder's volume.",
	}, func() float64 { return float64(pr.bus.FreeBytes()) }))
	pr.sender = webhook.New(webhook.Options{Egress: webhook.Egress{Allow: c.EgressAllow, AllowHTTP: c.EgressHTTP}})
	pr.App, err = app.New(app.Parts{
		Config: c, Bus: pr.store, Health: pr.bus.Health, Sender: pr.sender, Check: pr.sender.Check,
		Keys: pr.keys, Version: version(), Log: p.log, Metrics: registry,
		Observer: p.observer, Reload: p.reload, Hangup: p.hangup,
	})
	if err != nil {
		return nil, err
	}
	if err := pr.announce(c); err != nil { // nobody but commands on this machine needs it
		p.log.Warn("commands on this machine will have to be told the admin address", slog.Any("error", err))
	}
	return pr, nil
}

func busOptions(c *config.Config, log *slog.Logger, registry prometheus.Registerer) embedded.Options {
	synced := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "hookspan_sync_seconds", Help: "Duration of one sync of the embedded store.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	})
	registry.MustRegister(synced)
	return embedded.Options{
		Dir: c.DataDir, Sync: embedded.Sync(c.Embedded.Sync), Listen: string(c.Embedded.Listen),
		User: c.Embedded.User, Password: c.Embedded.Password.Open(), Protect: []string{c.Stream},
		MaxStore: int64(c.Embedded.MaxStore), Watermark: int64(c.DiskWatermark), MaxPayload: maxPayload(c),
		Log: log, Synced: func(took time.Duration, _ int) { synced.Observe(took.Seconds()) },
	}
}

// maxPayload holds the largest body of any source as base64 in a JSON document, and headers.
func maxPayload(c *config.Config) int {
	const headers = 64 << 10
	most := int64(1 << 20)
	for _, s := range c.Sources {
		size := int64(s.MaxBody)
		if s.Content == "structured" {
			size = size/3*4 + 4
		}
		most = max(most, size)
	}
	return int(min(most+headers, 64<<20))
}

// openStore makes the streams. A disk that is full, or a bus that cannot write, is waited for.
func openStore(ctx context.Context, c *config.Config, server *embedded.Server, log *slog.Logger) (*jetstream.Store, error) {
	var intake []string
	for _, s := range c.Sources {
		if s.Topic != c.TopicPrefix && !strings.HasPrefix(s.Topic, c.TopicPrefix+".") {
			intake = append(intake, s.Topic+".>")
		}
	}
	o := jetstream.Options{
		Namespace: c.Namespace, Prefix: c.TopicPrefix, Stream: c.Stream, Topics: c.Topics, Intake: intake,
		Retention: c.Retention, JournalRetention: c.JournalRetention, PublishTimeout: c.PublishTimeout,
		EventStore: server.EventStore(), PrivateStore: server.PrivateStore(), Disk: server, Log: log,
	}
	for {
		store, err := jetstream.Open(ctx, server.Conns(), o)
		if err == nil || server.Health(ctx) == nil && !errors.Is(err, bus.ErrDiskFull) {
			return store, err
		}
		log.Warn("start is waiting for the bus", slog.Any("error", err))
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(openRetry):
		}
	}
}

const openRetry = time.Second

// announce leaves the admin address where commands on this machine look for it.
func (p *process) announce(c *config.Config) error {
	scheme := "http://"
	if c.AdminTLS.Cert != "" {
		scheme = "https://"
	}
	path, address := filepath.Join(c.DataDir, adminAddressFile), scheme+reachable(p.AdminAddr())
	if fileText(path) == address {
		return nil
	}
	if err := os.WriteFile(path, []byte(address+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the admin address: %w", err)
	}
	return nil
}

// reachable turns an address that listens everywhere into one that can be called.
func reachable(addr string) string {
	for _, all := range []string{"[::]:", "0.0.0.0:"} {
		if port, ok := strings.CutPrefix(addr, all); ok {
			return "127.0.0.1:" + port
		}
	}
	return addr
}

// awaitReady returns once the server takes webhooks, or when ctx ends.
func (p *process) awaitReady(ctx context.Context) error {
	for {
		err := p.Readiness(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the server: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// close gives back what open took; the server has stopped before.
func (p *process) close() error {
	if p.sender != nil {
		p.sender.Close()
	}
	var err error
	if p.store != nil {
		err = p.store.Close()
	}
	if p.bus != nil {
		err = errors.Join(err, p.bus.Close())
	}
	return err
}

// newLogger writes to w: text for people, JSON for machines.
func newLogger(t *terminal, c *config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.Level(c.LogLevel)}
	format := c.LogFormat
	if format == "" && onTerminal(t.err) {
		format = "text"
	}
	if format == "text" {
		return slog.New(slog.NewTextHandler(t.err, o))
	}
	return slog.New(slog.NewJSONHandler(t.err, o))
}

func onTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
