package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

const (
	// healthFor is how long an answer of Health stands.
	healthFor = time.Second
	// healthTimeout bounds how long it may take to find one.
	healthTimeout = 2 * time.Second
)

// health is the last answer, and whose turn it is to find the next one.
type health struct {
	*installation
	turn chan struct{} // one slot: held by whoever asks
	last atomic.Pointer[finding]
}

type finding struct {
	at  time.Time
	err error
}

// Health is nil when events could be published now and delivered: a server is connected, the event
// stream has a leader that reaches most of its servers, and what else is needed is not missing. Else it says in words what is wrong. It asks
// at most once a second, so it may be called freely, and waits no longer than ctx lets it,
// whoever else asks.
func (h *health) Health(ctx context.Context) error {
	if last := h.fresh(); last != nil {
		return last.err
	}
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return fmt.Errorf("%w: no server has said yet how it is: %w", bus.ErrUnavailable, context.Cause(ctx))
	}
	if last := h.fresh(); last != nil { // found while this call waited for its turn
		return last.err
	}
	err := h.ask(ctx)
	if ctx.Err() == nil {
		h.last.Store(&finding{time.Now(), err})
	}
	return err
}

func (h *health) fresh() *finding {
	if last := h.last.Load(); last != nil && time.Since(last.at) < healthFor {
		return last
	}
	return nil
}

func (h *health) ask(ctx context.Context) error {
	if err := h.usable(false); err != nil {
		return err
	}
	if nc := h.events.NC; nc.Status() != nats.CONNECTED {
		return fmt.Errorf("%w: not connected to NATS at %s", bus.ErrUnavailable, servers(nc))
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	_, err := h.events.Info(ctx, h.names.events)
	switch stream := h.names.events; {
	case errors.Is(err, link.ErrNoStream):
		return fmt.Errorf("%w: stream %s is missing", bus.ErrUnavailable, stream)
	case errors.Is(err, link.ErrNoLeader):
		return fmt.Errorf("%w: stream %s has no leader", bus.ErrUnavailable, stream)
	case errors.Is(err, link.ErrNoQuorum):
		return fmt.Errorf("%w: the leader of stream %s does not reach most of its servers", bus.ErrUnavailable, stream)
	case link.HasCode(err, link.CodeClusterNotAvailable):
		return fmt.Errorf("%w: stream %s, or JetStream as a whole, has no leader", bus.ErrUnavailable, stream)
	case err != nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: nobody answers for stream %s: it has no leader, or its servers are away", bus.ErrUnavailable, stream)
	case err != nil:
		return err
	}
	return h.lacking.err()
}

// servers are those that a connection knows of, without what might be secret.
func servers(nc *nats.Conn) string {
	var list []string
	for _, url := range nc.Servers() {
		if i := strings.LastIndexByte(url, '@'); i >= 0 {
			url = url[i+1:]
		}
		list = append(list, strings.TrimPrefix(strings.TrimPrefix(url, "nats://"), "tls://"))
	}
	return strings.Join(list, ", ")
}
