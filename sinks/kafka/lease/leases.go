package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
)

// times are parts of the lease: what a killed member held must be with its heirs within
// the whole of it.
type times struct {
	session time.Duration // the group takes a member that was silent for so long for dead
	term    time.Duration // own leases last from before a heartbeat was sent; less than session
	beat    time.Duration // between heartbeats, and so until a round is noticed
	answer  time.Duration // to wait for one
	// round is how long members have to join a round before the group drops them, which must be
	// later than their terms end: session + round/2 (beat renews no longer) + term.
	round  time.Duration
	gather time.Duration // shards given within it are told of together
	pause  time.Duration // before what failed is tried again
}

func timesOf(lease time.Duration) times {
	session := lease * 80 / 100
	return times{
		session: session, term: session * 95 / 100,
		beat: min(lease/20, 100*time.Millisecond), answer: lease / 5,
		round: 4 * session, gather: 20 * time.Millisecond, pause: 100 * time.Millisecond,
	}
}

// Leases are bus.Leases.
type Leases struct {
	base  []kgo.Opt
	group string
	topic string
	times times
	log   *slog.Logger
}

// New shares the partitions of the topic among the members of the group. lease is how long a
// silent member keeps its shards; base says how to reach the brokers.
func New(base []kgo.Opt, group, topic string, lease time.Duration, log *slog.Logger) *Leases {
	return &Leases{base: base, group: group, topic: topic, times: timesOf(lease), log: log}
}

// Join implements bus.Leases.
func (l *Leases) Join(ctx context.Context, shards int, m bus.Member) error {
	// A connection that hangs must be given up well before the leases run out.
	cl, err := kgo.NewClient(append(l.base[:len(l.base):len(l.base)], kgo.RequestTimeoutOverhead(max(l.times.session/4, time.Second)))...)
	if err != nil {
		return fmt.Errorf("share the shards: %w", err)
	}
	defer cl.Close()
	holder := bus.NewHolder(m)
	defer holder.Wait()
	member := &groupMember{cl: cl, group: l.group, times: l.times, generation: -1}
	for told := false; ; {
		err := newGroupSession(l, member, holder, shards).run(ctx)
		if ctx.Err() != nil {
			member.leave(ctx)
			return nil
		}
		if final := l.hopeless(err); final != nil {
			return fmt.Errorf("share the shards: %w", final)
		}
		lapsed := errors.Is(err, errLapsed)
		if lapsed || !told {
			l.log.Warn("this process has no shards: it will join again", "error", err)
		}
		told = !lapsed
		select {
		case <-time.After(l.times.pause):
		case <-ctx.Done():
		}
	}
}

// errLapsed ends a session: the leases ran out before they could be renewed, or the group dropped
// the member.
var errLapsed = fmt.Errorf("%w: the leases ran out before they were renewed", bus.ErrUnavailable)

// hopeless returns what an error means that no retry mends, with the remedy; nil for others.
func (l *Leases) hopeless(err error) error {
	switch {
	case errors.Is(err, kerr.InvalidSessionTimeout):
		return fmt.Errorf("the brokers refuse a session timeout of %v, which is four fifths of HOOKSPAN_LEASE: "+
			"choose one between their group.min.session.timeout.ms and group.max.session.timeout.ms, or change those: %w", l.times.session, err)
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return fmt.Errorf("consumer group %s: the user lacks a right: grant READ on it: %w", l.group, err)
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		return fmt.Errorf("consumer group %s is used by something else: choose another HOOKSPAN_NAMESPACE: %w", l.group, err)
	case errors.Is(err, kerr.InvalidGroupID):
		return fmt.Errorf("consumer group %q: choose another HOOKSPAN_NAMESPACE: %w", l.group, err)
	}
	return nil
}
