package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
)

const (
	// duplicateWindow guards against races only: each id in it costs about 180 bytes of
	// memory, so the long window is kept elsewhere.
	duplicateWindow = 10 * time.Second

	// Shares, in percent: of the events' store for the event stream (the rest is for streams
	// of others), of the private store for the journal (a tenth of both) and for refusals.
	eventsShare   = 88
	journalShare  = 50
	refusalsShare = 5

	// Limits where the store has none.
	journalBytes  = 10 << 30
	refusalsBytes = 64 << 20
)

// makeStreams creates the streams that are missing and brings the others up to date.
func (s *Store) makeStreams(ctx context.Context) error {
	subjects, err := s.eventSubjects(ctx)
	if err != nil {
		return err
	}
	events := jetstream.StreamConfig{
		Name: s.names.events, Subjects: subjects,
		Description: "Events, dead letters, operations events and quarantine",
		MaxAge:      s.o.Retention, MaxBytes: share(s.o.EventStore, eventsShare, -1),
		// Full means refused, not silently forgotten.
		Discard: jetstream.DiscardNew, Duplicates: min(duplicateWindow, s.o.Retention),
	}
	if err := s.makeStream(ctx, s.events, events); err != nil {
		return err
	}
	ns := s.names.ns
	for _, c := range []jetstream.StreamConfig{
		{Name: s.names.state, Subjects: []string{ns + ".state.*"}, Description: "State log of each shard"},
		{Name: s.names.registry, Subjects: []string{ns + ".registry"}, Description: "Endpoints and starts of topics"},
		{Name: s.names.commands, Subjects: []string{ns + ".commands"}, Description: "What operators asked for"},
		{
			Name: s.names.journal, Subjects: []string{ns + ".journal.*"}, Description: "Attempts, by shard",
			MaxAge: s.o.JournalRetention, MaxBytes: share(s.o.PrivateStore, journalShare, journalBytes),
		},
		{
			Name: s.names.refusals, Subjects: []string{ns + ".refusals"}, Description: "Requests that intake refused",
			MaxAge: s.o.JournalRetention, MaxBytes: min(share(s.o.PrivateStore, refusalsShare, refusalsBytes), refusalsBytes),
		},
	} {
		if err := s.makeStream(ctx, s.private, c); err != nil {
			return err
		}
	}
	return nil
}

// share is a part of the store in bytes, or otherwise when the store has no limit.
func share(store, percent, otherwise int64) int64 {
	if store == 0 {
		return otherwise
	}
	return store / 100 * percent
}

// eventSubjects is what our event stream holds: what it held before, and of what we need
// whatever no other stream has.
func (s *Store) eventSubjects(ctx context.Context) ([]string, error) {
	var subjects []string
	switch info, err := s.events.info(ctx, s.names.events); {
	case err == nil:
		subjects = info.Config.Subjects
	case !errors.Is(err, errNoStream):
		return nil, err
	}
	ns := s.names.ns
	need := []string{
		s.names.prefix + ".>", ns + ".quarantine", ns + ".quarantine.>",
		ns + ".dead", ns + ".dead.>", ns + ".ops", ns + ".ops.>",
	}
	need = append(append(need, s.o.Topics...), s.o.Intake...)
	for _, subject := range need {
		// What overlaps with a subject of ours is ours as far as it goes: JetStream takes no
		// subjects that overlap.
		if slices.ContainsFunc(subjects, func(p string) bool { return collide(p, subject) && !covers(subject, p) || covers(p, subject) }) {
			continue
		}
		holders, err := s.holders(ctx, subject)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(holders, func(h string) bool { return h != s.names.events }) {
			subjects = append(subjects, subject)
		}
	}
	return essential(subjects), nil
}

// holders are the streams whose subjects meet the pattern.
func (s *Store) holders(ctx context.Context, pattern string) ([]string, error) {
	list := s.events.js.StreamNames(ctx, jetstream.WithStreamListSubject(pattern))
	var names []string
	for name := range list.Name() {
		names = append(names, name)
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("look for streams that hold %s: %w", pattern, unavailable(err))
	}
	return names, nil
}

// makeStream creates the stream, or changes what is ours to set of the one that is there:
// what somebody else tuned (replicas, compression, placement) stays.
func (s *Store) makeStream(ctx context.Context, l *link, want jetstream.StreamConfig) error {
	want.Storage, want.Retention = jetstream.FileStorage, jetstream.LimitsPolicy
	if want.MaxBytes == 0 {
		want.MaxBytes = -1
	}
	info, err := l.info(ctx, want.Name)
	if errors.Is(err, errNoStream) {
		want.Replicas = s.replicas()
		if _, err = l.js.CreateStream(ctx, want); err == nil {
			return nil
		}
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another replica was faster
			return fmt.Errorf("create stream %s: %w", want.Name, unavailable(err))
		}
		info, err = l.info(ctx, want.Name)
	}
	if err != nil {
		return err
	}
	have := info.Config
	if err := readable(have); err != nil {
		return err
	}
	next := have
	next.Subjects, next.MaxAge, next.MaxBytes = want.Subjects, want.MaxAge, want.MaxBytes
	next.Discard = want.Discard
	if want.Duplicates != 0 {
		next.Duplicates = want.Duplicates
	}
	if slices.Equal(next.Subjects, have.Subjects) && next.MaxAge == have.MaxAge && next.MaxBytes == have.MaxBytes &&
		next.Discard == have.Discard && next.Duplicates == have.Duplicates {
		return nil
	}
	_, err = l.js.UpdateStream(ctx, next)
	if err = unavailable(err); errors.Is(err, bus.ErrStoreFull) {
		// The store is smaller than what streams reserved when it was larger. Room counts by
		// what it is now.
		next.MaxBytes = have.MaxBytes
		s.o.Log.Warn("a stream keeps its size limit: the store has become smaller than what is reserved", "stream", want.Name, "max_bytes", have.MaxBytes)
		_, err = l.js.UpdateStream(ctx, next)
	}
	if err != nil {
		return fmt.Errorf("update stream %s: %w", want.Name, unavailable(err))
	}
	return nil
}

func (s *Store) replicas() int {
	switch {
	case s.o.Replicas > 0:
		return s.o.Replicas
	case len(s.events.nc.Servers()) >= 3:
		return 3
	}
	return 1
}
