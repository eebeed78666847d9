package app

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/aside"
	"github.com/hookspan/hookspan/bridge/asyncapi"
	"github.com/hookspan/hookspan/bridge/backup"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/signature"
)

// api is the handler of the admin listener.
func (a *App) api(o *Opened) http.Handler {
	return admin.New(admin.Options{
		Backup: func(ctx context.Context, since backup.Since, w io.Writer) error {
			source := BackupSource(a.current.Load(), o.Bus, a.Version, a.Log)
			source.Topics, source.Since = a.Config.Topics, since // a reload changes no topics
			return backup.Write(ctx, source, w)
		},
		Dead: a.shelf(o, a.Config.Namespace+".dead"), Quarantine: a.shelf(o, a.Config.Namespace+".quarantine"), Publisher: receiver.Releases{Publisher: o.Bus, Receiver: a.receiver},
		Registry: a.registry, Deliveries: a.index, Outbound: a.dispatcher, Events: a.dispatcher, Warnings: a.warnings, Tester: a.dispatcher, Previewer: a.dispatcher, Refusals: o.Bus, Shards: a.othersShards(o),
		Sources: func() []receiver.Source { return sources(a.current.Load()) }, Proof: a.proof, Ready: a.Readiness, Token: func() string { return a.Keys().AdminToken },
		Types: a.dispatcher, Schemas: a.schemas.Load, Intakes: (&intakes{app: a}).list, Here: a.here(),
		Replicas: presence{a}.others, NewKey: a.keyring.make,
		Metrics: metricsPage(a.Metrics), Measures: a.Metrics, Log: a.Log, LogLevel: a.LogLevel,
	})
}

// here says where webhooks come in and where events lie.
func (a *App) here() asyncapi.Application {
	c := a.Config
	servers, tls := c.Bus.Servers, c.Bus.TLS
	if c.Embedded.Listen != "" {
		servers, tls = []string{string(c.Embedded.Listen)}, c.EmbeddedTLS.Cert != ""
	}
	return asyncapi.Application{
		Namespace: c.Namespace, Version: a.Version,
		Intake: asyncapi.Listener{Address: string(c.Listen), TLS: c.TLS.Cert != ""},
		Bus:    asyncapi.Bus{Protocol: asyncapi.Protocol(c.Bus.Kind.System()), Servers: servers, TLS: tls},
	}
}

// shelf is what lies on one of our own topics.
func (a *App) shelf(o *Opened, topic string) *aside.Shelf {
	return aside.New(aside.Options{
		Topic: topic, Reader: o.Bus.KeptOf(topic), Publisher: o.Bus,
		Resolved: func(act aside.Act) { a.resolved.WithLabelValues(string(act)).Inc() },
	})
}

// othersShards tells what other replicas own, where there may be any.
func (a *App) othersShards(o *Opened) admin.Shards {
	if o.Shared == nil {
		return nil
	}
	return a.dispatcher
}

// fieldError is a signature's complaint about an endpoint.
func fieldError(err error) endpoint.FieldError {
	var f *signature.FieldError
	if errors.As(err, &f) {
		return endpoint.FieldError{Field: f.Field, Message: f.Detail}
	}
	return endpoint.FieldError{Field: "signature", Message: err.Error()}
}
