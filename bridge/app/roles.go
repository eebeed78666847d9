package app

import (
	"context"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/sighting"
	"github.com/hookspan/hookspan/bridge/signature"
	"github.com/hookspan/hookspan/bridge/tenant"
)

// runs reports whether the process has a role.
func (a *App) runs(role string) bool { return a.Config.Runs(role) }

// assemble puts the rooms together on the open bus. Registry and dispatcher are always there,
// because topics begin where the first process says that they do, whatever its roles; only
// one with the role delivers.
func (a *App) assemble() error {
	c, o := a.Config, a.opened.Load()
	rule, err := tenant.Parse(c.Tenant)
	if err != nil {
		return err
	}
	teller := ops.NewTeller(o.Bus, c.Namespace+".ops", a.Metrics)
	a.index = journal.New(journal.Options{Log: a.Log})
	a.registry = endpoint.NewRegistry(o.Bus, a.Keys().Sealer, endpoint.Options{
		Check: a.checkEndpoint, Log: a.Log, TenantRule: rule.String(), Origin: c.Origin,
		Handshake: func(ctx context.Context, e *endpoint.Endpoint) (int, error) { return a.dispatcher.Handshake(ctx, e) },
	})
	a.Metrics.MustRegister(newSealGauges(a.registry))
	var sightings *sighting.Tally // asked for by the API alone
	if a.runs(config.RoleAdmin) {
		sightings = sighting.New()
	}
	a.dispatcher = dispatch.New(dispatch.Config{
		Store: o.Bus, Leases: leases(o, a.runs(config.RoleDispatcher)), Registry: a.registry, Sender: a.Sender, Asker: a.Asker, Observer: a.observer(), Schemes: signature.Schemes{Providers: &a.catalog},
		Shards: Shards, Topics: c.Topics, DeadTopic: c.Namespace + ".dead", OpsTopic: c.Namespace + ".ops", Teller: teller, QuarantineTopic: c.Namespace + ".quarantine",
		TenantRule: rule, UserAgent: "Hookspan/" + a.Version, StopGrace: stopping(c.StopGrace).attempts, StopWrite: stopping(c.StopGrace).writing, Log: a.Log, Metrics: a.Metrics, Tracer: a.Tracer, Sightings: sightings,
	})
	a.assembleMailer(o)
	if a.runs(config.RoleReceiver) {
		if err := a.assembleReceiver(o, teller); err != nil {
			return err
		}
		a.certificates.Store(a.receiver)
		a.intakeDoor.open(a.withSchemas(a.receiver))
	}
	if a.runs(config.RoleAdmin) {
		a.controlDoor.open(a.api(o))
	}
	return nil
}

func (a *App) assembleReceiver(o *Opened, teller *ops.Teller) error {
	in := intakeOptions(a.Config)
	in.Schemas = &a.schemas
	in.Verifier, in.Likely = verifiers(&a.catalog, provider.NewSenders(a.Fetcher)), likely(&a.catalog)
	in.Publisher, in.History, in.Shared, in.Refusals, in.Teller = o.Bus, o.Bus, o.Shared, o.Bus, teller
	in.Log, in.Metrics, in.Tracer = a.Log, a.Metrics, a.Tracer
	var err error
	a.receiver, err = receiver.New(in)
	return err
}

// intakeOptions are what the configuration says of intake.
func intakeOptions(c *config.Config) receiver.Options {
	return receiver.Options{
		Sources:     sources(c),
		TopicPrefix: c.TopicPrefix, TopicPerSource: c.Bus.Kind.TopicPerSource(), QuarantineTopic: c.Namespace + ".quarantine", UnverifiedTopic: c.Namespace + ".unverified",
		Retention: c.Retention, PublishTimeout: c.PublishTimeout, Memory: int64(c.IntakeMemory), TrustedProxies: c.TrustedProxies,
	}
}

// leases are the bus's where others use it too. A process that delivers nothing on a bus of
// its own takes no shard either.
func leases(o *Opened, delivers bool) bus.Leases {
	switch {
	case o.Shared != nil:
		return o.Shared
	case !delivers:
		return bus.Alone{} // never joined
	}
	return nil
}

// steps bring what the roles need up to date; the last one opens the intake.
func (a *App) steps() []step {
	all := []step{{"look for a restore", a.registry.Finished}}
	if a.runs(config.RoleDispatcher) || a.runs(config.RoleAdmin) {
		all = append(all,
			step{"read the endpoints", a.registry.Load},
			step{"take over the configured endpoints", func(ctx context.Context) error { return a.adopt(ctx, a.Config) }},
			step{"look at whose events endpoints take", a.registry.Retune},
			step{"seal secrets with the newest key", a.keyring.reseal})
	}
	if a.mailer != nil {
		all = append(all, step{"find where alerts begin", a.mailer.Begin})
	}
	all = append(all, step{"take the shards", a.dispatcher.Prepare})
	if a.runs(config.RoleAdmin) {
		all = append(all, step{"read the journal's tail", a.reading().load})
	}
	if a.runs(config.RoleDispatcher) {
		all = append(all, step{"look at what endpoints follow", a.tellUnfollowed})
	}
	if a.runs(config.RoleReceiver) {
		all = append(all, step{"read the ids of the dedup window", a.receiver.Open})
	}
	return all
}

// work runs what the roles are until it is stopped. The channel tells of what failed for good.
func (a *App) work(w *workers) <-chan error {
	failed := make(chan error, 2) // dispatcher and registry send, once each
	if a.runs(config.RoleDispatcher) {
		w.running.Go(func() { failed <- a.dispatcher.Run(w.delivery) })
	}
	if a.runs(config.RoleDispatcher) || a.runs(config.RoleAdmin) {
		w.running.Go(func() { failed <- a.registry.Run(w.rest) })
	}
	if a.runs(config.RoleReceiver) {
		w.running.Go(func() { _ = a.receiver.Run(w.rest) })
	}
	if a.mailer != nil {
		w.running.Go(func() { a.mailer.Run(w.rest) })
	}
	if a.runs(config.RoleAdmin) && a.opened.Load().Shared != nil {
		w.running.Go(func() { a.reading().follow(w.rest) })
		w.running.Go(func() { a.reading().pending(w.rest) })
	}
	if a.opened.Load().Shared != nil && (a.runs(config.RoleDispatcher) || a.runs(config.RoleAdmin)) {
		w.running.Go(func() { presence{a}.run(w.rest) })
	}
	w.running.Go(func() { a.reloading.watch(w.delivery) })
	return failed
}

// adopt takes over the endpoints of the environment and the file.
func (a *App) adopt(ctx context.Context, c *config.Config) error {
	byEnv, byFile := endpoints(c)
	if c.Alone() {
		if err := makeSecrets(c.DataDir, a.Log, append(byEnv[:len(byEnv):len(byEnv)], byFile...)); err != nil {
			return err
		}
	}
	if err := a.registry.Adopt(ctx, byEnv, endpoint.ByEnvironment); err != nil {
		return err
	}
	return a.registry.Adopt(ctx, byFile, endpoint.ByFile)
}
