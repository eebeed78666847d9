package adapter

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/dial"
)

// A natsBus is a NATS cluster with JetStream.
type natsBus struct {
	conf    *config.Config
	log     *slog.Logger
	metrics prometheus.Registerer

	conns jetstream.Conns
	store *jetstream.Store
}

func newNATS(c *config.Config, log *slog.Logger, metrics prometheus.Registerer) Bus {
	return &natsBus{conf: c, log: log, metrics: metrics}
}

func (b *natsBus) Check() error {
	if err := streamOptions(b.conf, b.log).Check(); err != nil {
		return err
	}
	o := b.dialOptions()
	return o.Check()
}

func (b *natsBus) Open(ctx context.Context) (app.Opened, error) {
	if b.conns.Events == nil {
		conns, err := dial.Open(ctx, b.dialOptions())
		if err != nil {
			return app.Opened{}, err
		}
		b.conns = conns
	}
	if b.store == nil {
		o := streamOptions(b.conf, b.log)
		o.Metrics = b.metrics
		o.Domain, o.APIPrefix = b.conf.NATS.Domain, b.conf.NATS.APIPrefix
		store, err := jetstream.Open(ctx, b.conns, o)
		if err != nil {
			return app.Opened{}, err
		}
		b.store = store
	}
	return app.Opened{Bus: b.store, Shared: b.store, Health: b.store.Health}, nil
}

func (b *natsBus) dialOptions() dial.Options {
	c := b.conf
	return dial.Options{
		Servers: c.Bus.Servers, TLS: c.Bus.TLS, CA: c.BusTLS.CA, Cert: c.BusTLS.Cert, KeyFile: c.BusTLS.KeyFile,
		Creds: c.NATS.Creds, NKeyFile: c.NATS.NKeyFile, Token: c.NATS.Token.Open(),
		User: c.NATS.User, Password: c.NATS.Password.Open(),
		PublishTimeout: c.PublishTimeout, Log: b.log,
	}
}

func (b *natsBus) Examine(ctx context.Context) []bus.Finding {
	switch {
	case b.store != nil:
		return b.store.Examine(ctx)
	case b.conns.Events != nil:
		return []bus.Finding{{
			Subject: "connection", Verdict: bus.Fine,
			Detail: fmt.Sprintf("%s takes our login", strings.Join(b.conf.Bus.Servers, ", ")),
		}}
	}
	return nil
}

func (b *natsBus) Emptied() string {
	c := b.conf
	return "delete the streams " + strings.ToUpper(c.Namespace) + "_* and " + c.Stream + ", and whatever others hold the topics " + strings.Join(c.Topics, ",")
}

func (b *natsBus) Close() error {
	var err error
	if b.store != nil {
		err = b.store.Close()
	}
	b.conns.Close()
	return err
}
