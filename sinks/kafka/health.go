package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/cluster"
	"github.com/hookspan/hookspan/sinks/kafka/topic"
)

const (
	// healthAge is how long an answer about our topics holds.
	healthAge = time.Second
	// healthTimeout is shorter than what others wait for an answer of ours.
	healthTimeout = 2 * time.Second
)

// health is the last answer about our topics.
type health struct {
	mu    sync.Mutex
	at    time.Time
	err   error
	asked chan struct{} // closed when the question on the way is answered; nil when there is none

	unmade map[string]error // topics that an event needed and that could not be made
}

// made notes what became of the making of a topic.
func (h *health) made(topic string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		delete(h.unmade, topic)
		return
	}
	if h.unmade == nil {
		h.unmade = map[string]error{}
	}
	h.unmade[topic] = err
}

func (h *health) notMade(topic string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.unmade[topic]; err != nil {
		return fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
	}
	return nil
}

// Health is nil when events could be published now: brokers answer, every topic of ours is
// there, and each of its partitions has a leader and as many replicas in sync as a write needs.
// It may be a second old.
func (s *Store) Health(ctx context.Context) error {
	h := &s.health
	h.mu.Lock()
	if !h.at.IsZero() && time.Since(h.at) < healthAge {
		defer h.mu.Unlock()
		return h.err
	}
	asked := h.asked
	if asked == nil {
		asked = make(chan struct{})
		h.asked = asked
		go s.askHealth(context.WithoutCancel(ctx), asked)
	}
	h.mu.Unlock()
	select {
	case <-asked:
	case <-ctx.Done():
		return cluster.Ended(ctx)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

func (s *Store) askHealth(ctx context.Context, asked chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	err := s.writable(ctx)
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at, h.err, h.asked = time.Now(), err, nil
	close(asked)
}

// writable asks the brokers about every topic of ours. It takes the first broker that answers
// at its word: whether a leader really takes records, a publish finds out.
func (s *Store) writable(ctx context.Context) error {
	list := s.layout.Wanted()
	answer, err := s.cluster.Describe(ctx, topic.NamesOf(list)...)
	if err != nil {
		return fmt.Errorf("reach the brokers: %w", err)
	}
	for _, w := range list {
		said := answer[w.Name]
		if errors.Is(said.Err, cluster.ErrNoTopic) && w.Use == topic.OfEvents {
			if err := s.health.notMade(w.Name); err != nil {
				return err
			}
			continue // the next event makes it
		}
		if said.Err != nil {
			return cluster.OnTopic(w.Name, "DESCRIBE", said.Err)
		}
		for n, p := range said.Partitions {
			if p.Node < 0 {
				return fmt.Errorf("%w: partition %d of topic %s has no leader", bus.ErrUnavailable, n, w.Name)
			}
			if least := s.publisher.Needs(w.Name); p.InSync < least {
				return fmt.Errorf("%w: partition %d of topic %s has %d replicas in sync and needs %d (%s)",
					bus.ErrUnavailable, n, w.Name, p.InSync, least, topic.MinInsync)
			}
		}
	}
	return nil
}
