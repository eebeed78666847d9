package adapter

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/sinks/kafka"
)

// A kafkaBus is a Kafka cluster.
type kafkaBus struct {
	conf *config.Config
	log  *slog.Logger

	store *kafka.Store
}

func newKafka(c *config.Config, log *slog.Logger, _ prometheus.Registerer) Bus {
	return &kafkaBus{conf: c, log: log}
}

func (b *kafkaBus) Check() error {
	o, err := b.options()
	if err != nil {
		return err
	}
	return o.Check()
}

func (b *kafkaBus) Open(ctx context.Context) (app.Opened, error) {
	if b.store == nil {
		o, err := b.options()
		if err != nil {
			return app.Opened{}, err
		}
		store, err := kafka.Open(ctx, o)
		if err != nil {
			return app.Opened{}, err
		}
		b.store = store
	}
	return app.Opened{Bus: b.store, Shared: b.store, Health: b.store.Health}, nil
}

func (b *kafkaBus) options() (kafka.Options, error) {
	c := b.conf
	o := kafka.Options{
		Brokers: c.Bus.Servers, SASL: b.login(),
		Namespace: c.Namespace, Prefix: c.TopicPrefix, Topics: c.Topics,
		Partitions: c.Kafka.Partitions, Replicas: c.Replicas, Shards: app.Shards, RecordedShards: recordedShards,
		Retention: c.Retention, JournalRetention: c.JournalRetention, PublishTimeout: c.PublishTimeout,
		MaxBytes: int64(maxPayload(c)), Lease: c.Lease, Alerts: c.MailsAlerts(), Log: b.log,
	}
	for _, s := range c.Sources {
		o.Intake = append(o.Intake, s.Topic)
	}
	var err error
	if c.Bus.TLS {
		o.TLS, err = busTLS(c.BusTLS)
	}
	return o, err
}

// recordedShards asks the registry.
func recordedShards(ctx context.Context, s *kafka.Store) (int, error) {
	return endpoint.NewRegistry(s, nil, endpoint.Options{Log: slog.New(slog.DiscardHandler)}).RecordedShards(ctx)
}

// login is nil where the brokers know us otherwise, or let everybody in.
func (b *kafkaBus) login() *kafka.SASL {
	k := b.conf.Kafka
	if k.SASL == "" {
		return nil
	}
	return &kafka.SASL{
		Mechanism: k.SASL, User: k.User, Password: k.Password.Open(),
		TokenURL: k.OAuthTokenURL, ClientID: k.OAuthClientID, ClientSecret: k.OAuthClientSecret.Open(), Scopes: k.OAuthScopes,
	}
}

func (b *kafkaBus) Examine(ctx context.Context) []bus.Finding {
	if b.store == nil {
		return nil
	}
	return b.store.Examine(ctx)
}

func (b *kafkaBus) Emptied() string {
	return "delete the topics " + b.conf.Namespace + ".* and those that sources write to"
}

func (b *kafkaBus) Close() error {
	if b.store == nil {
		return nil
	}
	return b.store.Close()
}
