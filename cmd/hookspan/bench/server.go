package bench

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/cmd/hookspan/adapter"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
)

const embeddedBench = "embedded"

// kind is the bus's name in results.
func (p *plan) kind() string {
	var b config.Bus
	if err := b.Parse(p.bus); err != nil {
		return p.bus // which the configuration refuses
	}
	return string(b.Kind)
}

// durable is what makes an event durable.
func (p *plan) durable() string {
	if p.kind() == embeddedBench {
		return p.sync
	}
	return "cluster"
}

// benchToken guards an admin listener that only this process can reach, for as long as a
// benchmark runs.
const benchToken = "bench"

// A benchHome is where a benchmark lives: a folder and a namespace that nobody else has.
type benchHome struct {
	folder  string // also of the embedded bus
	shared  bool   // the bus is elsewhere
	environ []string
}

// newBenchHome configures a Hookspan on the bus of the plan. How to get in there comes from
// the environment, as it does for a server.
func newHome(t *cli.Terminal, p *plan) (*benchHome, error) {
	folder, err := os.MkdirTemp("", "hookspan-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	var name [4]byte
	var seal [32]byte
	rand.Read(name[:])
	rand.Read(seal[:])
	h := &benchHome{folder, p.kind() != embeddedBench, []string{
		"HOOKSPAN_BUS=" + p.bus, "HOOKSPAN_NAMESPACE=bench-" + hex.EncodeToString(name[:]),
		"HOOKSPAN_DATA_DIR=" + folder, "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0",
		"HOOKSPAN_ADMIN_TOKEN=" + benchToken, "HOOKSPAN_SEAL_KEY=" + base64.StdEncoding.EncodeToString(seal[:]), "HOOKSPAN_LOG_LEVEL=warn",
		"HOOKSPAN_SOURCES=bench", "HOOKSPAN_SOURCE_BENCH_PROVIDER=sticker", "HOOKSPAN_SOURCE_BENCH_SECRETS=" + benchSecret,
	}}
	if !h.shared {
		h.environ = append(h.environ, "HOOKSPAN_EMBEDDED_SYNC="+p.sync)
		return h, nil
	}
	for _, variable := range t.Environ {
		if config.OfBus(variable) {
			h.environ = append(h.environ, variable)
		}
	}
	return h, nil
}

// A benchServer is a whole Hookspan in this process, on loopback.
type benchServer struct {
	intake, admin string // URLs
	token         string
	stop          func()
}

func startServer(ctx context.Context, t *cli.Terminal, p *plan, more ...string) (*benchServer, error) {
	home, err := newHome(t, p)
	if err != nil {
		return nil, err
	}
	home.environ = append(home.environ, more...)
	s, err := home.start(ctx)
	if err != nil {
		return nil, errors.Join(err, home.leave(ctx))
	}
	stop := s.stop
	s.stop = func() {
		stop()
		if err := home.leave(ctx); err != nil {
			t.Progress("%v", err)
		}
	}
	return s, nil
}

// start has a server run there, which leaves everything as it is when it stops.
func (h *benchHome) start(ctx context.Context) (*benchServer, error) {
	intake, admin, stop, err := server.Start(ctx, h.environ)
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	return &benchServer{intake: intake, admin: admin, token: benchToken, stop: stop}, nil
}

// leave removes whatever the benchmark has made: also what it got to before it failed.
func (h *benchHome) leave(ctx context.Context) error {
	if !h.shared {
		return h.discard()
	}
	b, err := h.open(context.WithoutCancel(ctx))
	if err != nil {
		return errors.Join(err, h.discard())
	}
	return errors.Join(b.remove(context.WithoutCancel(ctx)), b.Close(), h.discard())
}

func (h *benchHome) discard() error { return os.RemoveAll(h.folder) }

// A benchBus is a bus without a server on top of it.
type benchBus struct {
	bus.Store
	bus   adapter.Bus
	topic string
}

// A bareBus is what every adapter offers to benchmarks beside the contract.
type bareBus interface {
	// PublishBare publishes n messages with the client library's own means and nothing else.
	PublishBare(ctx context.Context, topic string, data []byte, n int64, inFlight int) error
	// Remove deletes whatever was made for the namespace.
	Remove(ctx context.Context) error
}

func (h *benchHome) open(ctx context.Context) (*benchBus, error) {
	c, err := config.Load(h.environ)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	b := adapter.New(c, log, prometheus.NewRegistry())
	opened, err := b.Open(ctx)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return &benchBus{opened.Bus, b, c.TopicPrefix + ".bench"}, nil
}

func (b *benchBus) Close() error { return b.bus.Close() }

func (b *benchBus) bare() (bareBus, error) {
	bare, ok := b.Store.(bareBus)
	if !ok {
		return nil, errors.New("this bus has no bare publish loop")
	}
	return bare, nil
}

func (b *benchBus) remove(ctx context.Context) error {
	bare, err := b.bare()
	if err != nil {
		return err
	}
	return bare.Remove(ctx)
}

// address is the host and port of a URL.
func address(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}
