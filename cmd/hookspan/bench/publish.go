package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

func publishCommand(t *cli.Terminal) *cobra.Command {
	var p plan
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Measure how many events are made durable on the bus",
		Long: "Measure publishing alone, without HTTP: events of 1 KB, each durable before the next of its caller.\n" +
			"The baseline is a bare publish loop: the bus's own client with as many messages in flight.",
		Example: "  hookspan bench publish\n  hookspan bench publish --bus kafka://localhost:9092 --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			if err := p.check(); err != nil {
				return err
			}
			m, err := measurePublish(cmd.Context(), t, &p)
			if err != nil {
				return err
			}
			return t.Document(m, m.write)
		}),
	}
	benchFlags(t, &p, cmd, 256, 3)
	cmd.Flags().Int64Var(&p.events, "events", 300_000, "events to publish, all rounds together")
	return cmd
}

func measurePublish(ctx context.Context, t *cli.Terminal, p *plan) (_ *Measurement, err error) {
	loop, err := openBareLoop(ctx, t, p)
	if err != nil {
		return nil, err
	}
	defer loop.close(&err)
	each := max(1, p.events/int64(p.rounds))
	t.Progress("warming up")
	warm := p.beside(warmUp)
	if err := errors.Join(loop.round(ctx, &tally{}, warm), (&tally{}).publish(ctx, loop.bus, p.connections, warm)); err != nil {
		return nil, err
	}
	var ours, bare tally
	for round := 1; round <= p.rounds; round++ {
		if err := loop.round(ctx, &bare, each); err != nil {
			return nil, err
		}
		if err := profiled(p.last(round), func() error { return ours.publish(ctx, loop.bus, p.connections, each) }); err != nil {
			return nil, err
		}
		t.Progress("round %d of %d: %.0f/s, baseline %.0f/s", round, p.rounds, ours.rate(), bare.rate())
	}
	return measured("publish", p, &ours, &bare, &bare), nil
}

const (
	// warmUp is how many events bring both sides up to speed.
	warmUp = 5_000
	// bareEvents are what the bare loop publishes in each round of another benchmark.
	bareEvents = 50_000
)

// A bareLoop is a bare publish loop in a namespace of its own.
type bareLoop struct {
	home     *benchHome
	bus      *benchBus
	bare     bareBus
	inFlight int
}

func openBareLoop(ctx context.Context, t *cli.Terminal, p *plan) (*bareLoop, error) {
	home, err := newHome(t, p)
	if err != nil {
		return nil, err
	}
	b, err := home.open(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the bus: %w", err), home.discard())
	}
	bare, err := b.bare()
	if err != nil {
		return nil, errors.Join(err, b.Close(), home.discard())
	}
	return &bareLoop{home, b, bare, p.connections}, nil
}

// round publishes n messages of the size that the other side has.
func (l *bareLoop) round(ctx context.Context, y *tally, n int64) error {
	began := time.Now()
	if err := l.bare.PublishBare(ctx, l.bus.topic+".bare", benchBody(), n, l.inFlight); err != nil {
		return fmt.Errorf("bare publish loop: %w", err)
	}
	y.done += n
	y.elapsed += time.Since(began)
	return nil
}

// close removes what was published.
func (l *bareLoop) close(err *error) {
	*err = errors.Join(*err, l.bare.Remove(context.Background()), l.bus.Close(), l.home.discard())
}

// publish makes n events durable, each caller one after the other.
func (y *tally) publish(ctx context.Context, b *benchBus, callers int, n int64) error {
	var next atomic.Int64
	errs, latency := make([]error, callers), make([]load.Histogram, callers)
	before, began := mallocs(), time.Now()
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			body := benchBody()
			for k := next.Add(1); k <= n && errs[i] == nil; k = next.Add(1) {
				sent := time.Now()
				errs[i] = publishOne(ctx, b, began.UnixNano(), k, body)
				latency[i].Record(time.Since(sent))
			}
		})
	}
	running.Wait()
	y.elapsed += time.Since(began)
	y.mallocs += mallocs() - before
	y.done += n
	for i := range latency {
		y.latency.Merge(&latency[i])
	}
	return errors.Join(errs...)
}

func publishOne(ctx context.Context, b *benchBus, run, n int64, body []byte) error {
	id := strconv.FormatInt(run, 36) + "-" + strconv.FormatInt(n, 36)
	_, err := b.Publish(ctx, b.topic+".order.shipped", &event.Event{
		ID: id, Source: "/sources/bench", Type: "com.sticker.order.shipped", Time: time.Now(), DataContentType: "application/json", Data: body,
	}, bus.PublishOptions{Key: id})
	return err
}
