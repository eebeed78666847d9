package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/cmd/hookspan/adapter"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/client"
	"github.com/hookspan/hookspan/cmd/hookspan/memory"
	"github.com/hookspan/hookspan/cmd/hookspan/otlp"
	"github.com/hookspan/hookspan/sinks/mail"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// A Process is a Hookspan server with the bus and the sender that it works on.
type Process struct {
	*app.App
	bus    adapter.Bus
	sender *webhook.Sender
	traces *otlp.Traces                     // nil: off
	own    atomic.Pointer[[]netip.AddrPort] // listeners; none until the bus is open
}

// Parts are what a command may add to a server.
type Parts struct {
	Log      *slog.Logger
	LogLevel *logline.Level // of Log; nil: it cannot be changed
	Observer delivery.Observer
	Reload   func() (*config.Config, error)
	Hangup   <-chan struct{}
}

// Open puts a server on top of the configured bus, which Run then opens. The caller closes
// the process after that.
func Open(c *config.Config, p Parts) (_ *Process, err error) {
	memory.Bound(p.Log)
	pr := &Process{}
	pr.own.Store(&[]netip.AddrPort{})
	defer func() {
		if err != nil {
			err = errors.Join(err, pr.Close())
		}
	}()
	registry := prometheus.NewRegistry()
	pr.bus = adapter.New(c, p.Log, registry)
	pr.sender = newSender(c, func() []netip.AddrPort { return *pr.own.Load() }, p.Log, registry)
	if pr.traces, err = otlp.Open(cli.Version(), p.Log, registry); err != nil {
		return nil, err
	}
	pr.App, err = app.New(app.Parts{
		Config: c, Sender: pr.sender, Asker: pr.sender, Fetcher: pr.sender, Mail: &mail.Sender{Agent: "Hookspan/" + cli.Version()}, Check: pr.sender.CheckEndpoint, Version: cli.Version(), Log: p.Log, LogLevel: p.LogLevel, Metrics: registry,
		Tracer:   pr.traces.Tracer(c.Bus.Kind.System()),
		Observer: p.Observer, Reload: p.Reload, Hangup: p.Hangup,
		Open: func(ctx context.Context) (app.Opened, error) {
			o, err := pr.bus.Open(ctx)
			if err == nil {
				own := pr.ownListeners()
				pr.own.Store(&own) // before anything is registered or sent
				pr.announce(c, p.Log)
			}
			return o, err
		},
	})
	if err != nil {
		return nil, err
	}
	return pr, nil
}

// newSender sends to nobody's listener in own, which is asked at each look.
func newSender(c *config.Config, own func() []netip.AddrPort, log *slog.Logger, metrics prometheus.Registerer) *webhook.Sender {
	return webhook.New(webhook.Options{
		Egress: webhook.Egress{Allow: c.EgressAllow, Hosts: c.EgressHosts, AllowHTTP: c.EgressHTTP, Own: own},
		Proxy:  c.EgressProxy, ProxyResolves: c.EgressProxyResolves,
		Connections: app.EgressConnections(), Log: log, Metrics: metrics,
	})
}

// announce leaves the admin address where commands on this machine look for it. Where there is
// no data folder nobody looks.
func (p *Process) announce(c *config.Config, log *slog.Logger) {
	if _, err := os.Stat(c.DataDir); err != nil {
		return
	}
	scheme := "http://"
	if c.AdminTLS.Cert != "" {
		scheme = "https://"
	}
	path, address := filepath.Join(c.DataDir, client.AddressFile), scheme+cli.Reachable(p.AdminAddr())
	if old, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(old)) == address {
		return
	}
	if err := os.WriteFile(path, []byte(address+"\n"), 0o600); err != nil {
		log.Warn("commands on this machine will have to be told the admin address", slog.Any("error", err))
	}
}

// awaitReady returns once the server takes webhooks, or when ctx ends.
func (p *Process) awaitReady(ctx context.Context) error {
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

// run serves until ctx ends, and then gives back what Open took, all within the time of a stop.
func (p *Process) run(ctx context.Context) error {
	err := p.Run(ctx)
	return errors.Join(err, p.closeBy(p.StopBy()))
}

// closeBy leaves a bus that takes longer as a kill would, which costs nothing that was
// acknowledged.
func (p *Process) closeBy(deadline time.Time) error {
	closed := make(chan error, 1) // the goroutine sends, once
	go func() { closed <- p.Close() }()
	late := time.NewTimer(time.Until(deadline))
	defer late.Stop()
	select {
	case err := <-closed:
		return err
	case <-late.C:
		p.Log.Warn("the bus was not closed within HOOKSPAN_STOP_GRACE and is left as it is")
		return nil
	}
}

// Close gives back what Open took; the server has stopped before.
func (p *Process) Close() error {
	if p.sender != nil {
		p.sender.Close()
	}
	var flushing sync.WaitGroup // beside the bus, which may take as long
	flushing.Go(p.traces.Close)
	defer flushing.Wait()
	return p.bus.Close()
}
