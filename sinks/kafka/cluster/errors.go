package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/hookspan/hookspan/bridge/bus"
)

var (
	// ErrNoTopic: there is no such topic, as far as the broker that was asked knows.
	ErrNoTopic = fmt.Errorf("%w: the topic does not exist", bus.ErrUnavailable)
	// errNoLeader: nobody can be asked for the partition at the moment.
	errNoLeader = fmt.Errorf("%w: the partition has no leader", bus.ErrUnavailable)
	// errMoved: the partition's leader is another one, or away.
	errMoved = fmt.Errorf("%w: the partition's leader moved", bus.ErrUnavailable)
	// errAnother: what was answered is not what was asked.
	errAnother = fmt.Errorf("%w: the broker answered about something else", bus.ErrUnavailable)
	// ErrOutside: the partition does not hold the offset that was asked for, nor ends there.
	ErrOutside = fmt.Errorf("%w: the offset is outside of what the partition holds", bus.ErrUnavailable)
)

// Unavailable turns what a broker or the client library says into the bus's errors. What no
// retry would mend (a right, a setting) stays as it is; all else is bus.ErrUnavailable.
func Unavailable(err error) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled) || ours(err):
		return err
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return fmt.Errorf("%w: %w", bus.ErrTooLarge, err)
	case Denied(err) || Lasting(err):
		return err
	}
	return fmt.Errorf("%w: %w", bus.ErrUnavailable, err)
}

func ours(err error) bool {
	for _, e := range []error{
		bus.ErrUnavailable, bus.ErrDiskFull, bus.ErrStoreFull, bus.ErrTooLarge,
		bus.ErrRefused, bus.ErrRecreated, bus.ErrCutBack, bus.ErrGone,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Denied: the brokers, or who hands out tokens for them, do not let us, whoever they take us
// for.
func Denied(err error) bool {
	for _, e := range []error{
		errNoToken,
		kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.GroupAuthorizationFailed,
		kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Lasting: the request can never be carried out as things are set up.
func Lasting(err error) bool {
	for _, e := range []error{
		kerr.InvalidRecord, kerr.InvalidTopicException, kerr.PolicyViolation, kerr.InvalidConfig,
		kerr.InvalidPartitions, kerr.InvalidReplicationFactor, kerr.UnsupportedVersion,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// stale: what we took for the topic's id or the partition's leader is so no more.
func stale(err error) bool {
	for _, e := range []error{
		kerr.UnknownTopicID, kerr.InconsistentTopicID, kerr.UnknownTopicOrPartition,
		kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// OnTopic says which topic an error is about and, when a right is missing, which.
func OnTopic(topic, right string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return fmt.Errorf("topic %s: the right %s on it is missing, grant it to Hookspan's user: %w", topic, right, err)
	case errors.Is(err, kerr.InvalidRecord):
		return fmt.Errorf("topic %s: the broker does not take the record (a compacted topic takes none without a key): %w", topic, err)
	}
	return fmt.Errorf("topic %s: %w", topic, err)
}
