package adapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/latency"
	"github.com/hookspan/hookspan/bridge/listener"
	"github.com/hookspan/hookspan/bridge/topic"
	"github.com/hookspan/hookspan/sinks/jetstream"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/client"
)

// An embeddedBus is the server inside the process: alone, or a member of a cluster of such.
type embeddedBus struct {
	conf    *config.Config
	log     *slog.Logger
	metrics prometheus.Registerer

	server *embedded.Server
	store  *jetstream.Store
}

func newEmbedded(c *config.Config, log *slog.Logger, metrics prometheus.Registerer) Bus {
	return &embeddedBus{conf: c, log: log, metrics: metrics}
}

func (b *embeddedBus) Check() error {
	if err := streamOptions(b.conf, b.log).Check(); err != nil {
		return err
	}
	o, err := b.options()
	if err != nil {
		return err
	}
	return o.Check()
}

func (b *embeddedBus) Open(ctx context.Context) (app.Opened, error) {
	if b.server == nil {
		synced := latency.New("hookspan_sync_seconds", "Duration of one sync of the embedded store.")
		o, err := b.options()
		if err != nil {
			return app.Opened{}, err
		}
		o.Synced = func(took time.Duration, _ int) { synced.Observe(took, "") }
		server, err := embedded.Open(ctx, o)
		if err != nil {
			return app.Opened{}, err
		}
		b.server = server
		b.metrics.MustRegister(synced, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "hookspan_disk_free_bytes", Help: "Free bytes on the data folder's volume.",
		}, func() float64 { return float64(server.FreeBytes()) }))
	}
	if b.store == nil {
		store, err := b.openStore(ctx)
		if err != nil {
			return app.Opened{}, err
		}
		b.store = store
	}
	o := app.Opened{Bus: b.store, Health: b.health}
	if !b.conf.Alone() {
		o.Shared = b.store
	}
	return o, nil
}

// health is the server's, and that of the streams, which a cluster may lead elsewhere.
func (b *embeddedBus) health(ctx context.Context) error {
	if err := b.server.Health(ctx); err != nil {
		return err
	}
	return b.store.Health(ctx)
}

func (b *embeddedBus) options() (embedded.Options, error) {
	c := b.conf
	o := embedded.Options{
		Dir: c.DataDir, Sync: embedded.Sync(c.Embedded.Sync), Listen: string(c.Embedded.Listen), Connections: app.BusConnections(client.Connections),
		User: c.Embedded.User, Password: c.Embedded.Password.Open(), Protect: []string{c.Stream},
		Publish: clientsPublish(c), Read: clientsRead(c),
		MaxStore: int64(c.Embedded.MaxStore), Watermark: int64(c.DiskWatermark), MaxPayload: maxPayload(c),
		Log: b.log,
	}
	if c.EmbeddedTLS.Cert != "" && c.Embedded.Listen != "" {
		var err error
		if o.TLS, err = listener.TLS(c.EmbeddedTLS.Cert, c.EmbeddedTLS.KeyFile, b.log); err != nil {
			return o, fmt.Errorf("TLS of NATS clients (HOOKSPAN_EMBEDDED_TLS_CERT, HOOKSPAN_EMBEDDED_TLS_KEY_FILE): %w", err)
		}
	}
	if c.Alone() {
		return o, nil
	}
	o.Cluster, o.RoutesListen = c.Embedded.Cluster, string(c.Embedded.RoutesListen)
	o.Peers, o.ClusterSize = c.Embedded.Peers, c.Embedded.ClusterSize
	o.RouteSecrets = c.SealKey.Open() // all members have them; only what is derived from them is sent
	var err error
	if c.BusTLS != (config.BusTLS{}) {
		o.RoutesTLS, err = routesTLS(c.BusTLS)
	}
	return o, err
}

// clientsPublish are the topics that NATS clients publish and subscribe to: where sources
// publish, and whatever is delivered.
func clientsPublish(c *config.Config) []string {
	var topics []string
	for _, name := range slices.Concat([]string{c.TopicPrefix + ".>"}, intakeBeside(c), c.Topics) {
		if !slices.Contains(topics, name) { // each is named to clients that ask for another
			topics = append(topics, name)
		}
	}
	return topics
}

// clientsRead are those that they only subscribe to.
func clientsRead(c *config.Config) []string {
	var topics []string
	for _, name := range topic.Own(c.Namespace) {
		topics = append(topics, name, name+".>")
	}
	return topics
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

func (b *embeddedBus) maxBytes() int64 { return jetstream.MaxBytes(int64(maxPayload(b.conf))) }

// openStore makes the streams. While the server cannot write, whatever goes wrong passes.
func (b *embeddedBus) openStore(ctx context.Context) (*jetstream.Store, error) {
	o := streamOptions(b.conf, b.log)
	o.EventStore, o.PrivateStore, o.Disk = b.server.EventStore(), b.server.PrivateStore(), b.server
	o.Metrics = b.metrics
	store, err := jetstream.Open(ctx, b.server.Conns(), o)
	if health := b.server.Health(ctx); err != nil && health != nil && !errors.Is(err, bus.ErrUnavailable) {
		return nil, fmt.Errorf("%w (%w)", health, err)
	}
	return store, err
}

// streamOptions are what every JetStream has in common.
func streamOptions(c *config.Config, log *slog.Logger) jetstream.Options {
	return jetstream.Options{
		Namespace: c.Namespace, Prefix: c.TopicPrefix, Stream: c.Stream, Topics: c.Topics, Intake: intakeBeside(c),
		Retention: c.Retention, JournalRetention: c.JournalRetention, PublishTimeout: c.PublishTimeout,
		Lease: c.Lease, Replicas: c.Replicas, Log: log,
	}
}

// intakeBeside lists what sources publish to that is not below the prefix.
func intakeBeside(c *config.Config) []string {
	var beside []string
	for _, s := range c.Sources {
		if s.Topic != c.TopicPrefix && !strings.HasPrefix(s.Topic, c.TopicPrefix+".") {
			beside = append(beside, s.Topic+".>")
		}
	}
	return beside
}

func (b *embeddedBus) Examine(ctx context.Context) []bus.Finding {
	found := examineFolder(b.conf.DataDir)
	if b.server != nil {
		found = append(found, examineServer(b.server, b.server.Health(ctx)))
		found = append(found, b.server.Examine(ctx)...)
	}
	if b.store != nil {
		found = append(append(found, b.store.Examine(ctx)...), examineClock(ctx, b.store))
	}
	return found
}

func (b *embeddedBus) Emptied() string {
	return "move the data folder " + b.conf.DataDir + " away, all but " + app.SealFile + " and " + app.TokenFile
}

// heirs is what the others get to take the shards that were handed over, before the leaders of
// the streams that they need for it move as well.
const heirs = 300 * time.Millisecond

func (b *embeddedBus) Close() error {
	var errs []error
	if b.store != nil {
		errs = append(errs, b.store.Close())
	}
	if b.store != nil && !b.conf.Alone() {
		<-time.After(heirs)
	}
	if b.server != nil {
		errs = append(errs, b.server.Close())
	}
	return errors.Join(errs...)
}

// Listeners are where NATS clients and other members connect, once the bus is open.
func (b *embeddedBus) Listeners() []string {
	var all []string
	if _, address, ok := strings.Cut(b.server.ClientURL(), "://"); ok {
		all = append(all, address)
	}
	if listen := string(b.conf.Embedded.Listen); listen != "" {
		all = append(all, listen) // ClientURL has one address of a listener that has many
	}
	if !b.conf.Alone() {
		all = append(all, string(b.conf.Embedded.RoutesListen))
	}
	return all
}

// ClientURL is where NATS clients connect; "" where none may.
func (b *embeddedBus) ClientURL() string { return b.server.ClientURL() }

// planned are the listeners of a server that has not started.
func (b *embeddedBus) planned() []string {
	all := []string{string(b.conf.Embedded.Listen)}
	if !b.conf.Alone() {
		all = append(all, string(b.conf.Embedded.RoutesListen))
	}
	return all
}
