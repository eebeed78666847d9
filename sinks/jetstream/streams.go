package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/topic"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
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

	// refusalsBytes bounds the log that anybody can cause entries in.
	refusalsBytes = 64 << 20
	// Where there is no store of our own, records are counted: 10 GB and 64 MB of them at about
	// so many bytes each, and together no more than a tenth of what the account may keep.
	recordBytes     = 512
	journalRecords  = 20_000_000
	refusalsRecords = 125_000
	recordsLeast    = 1000
	// accountTime bounds the question what that is; without an answer there is no limit.
	accountTime = 2 * time.Second

	// replicas of what is created on a cluster.
	clusterReplicas = 3
)

// streams are those that Hookspan keeps what is durable on: it makes them and watches over them.
type streams struct {
	*installation
	topics    *topics
	allowance atomic.Int64 // bytes that an account of somebody else's server may keep; 0: no limit
}

// makeStreams creates the streams that are missing and brings those of ours up to date.
func (s *streams) makeStreams(ctx context.Context) error {
	if err := s.refuseLost(ctx); err != nil {
		return err
	}
	begun, err := s.holdsRecords(ctx, s.names.registry)
	if err != nil {
		return err
	}
	if err := s.askAccount(ctx); err != nil {
		return err
	}
	subjects, err := s.eventSubjects(ctx)
	if err != nil {
		return err
	}
	making, each := errgroup.WithContext(ctx) // a cluster takes its time for one
	if s.o.PrivateStore > 0 {
		making.SetLimit(1) // in order: one takes the room that another gives up
	}
	for _, want := range s.shapes(subjects) {
		want.lost = begun
		making.Go(func() error { return s.makeStream(each, &want) })
	}
	return making.Wait()
}

// MarkOfClients is the member of an account's JSON by which an embedded bus tells that the account
// is for its clients.
const MarkOfClients = "hookspan_clients"

// errForClients: what one connection of a client says, another does not hear, so replicas and shards
// would not find each other.
var errForClients = errors.New("this is the embedded bus of another Hookspan, which is for NATS clients that publish and read events: " +
	"give a NATS server, or make one bus of the embedded ones (README, HOOKSPAN_EMBEDDED_PEERS)")

// askAccount finds out what the account may keep.
func (s *streams) askAccount(ctx context.Context) error {
	if s.o.Disk != nil {
		return nil
	}
	var account struct {
		jetstream.AccountInfo
		ForClients bool `json:"hookspan_clients"` // MarkOfClients
	}
	if err := s.private.RequestWithin(ctx, accountTime, "INFO", struct{}{}, &account); err != nil {
		return nil // what is not known is no limit
	}
	if account.ForClients {
		return errForClients
	}
	s.allowance.Store(max(account.Limits.MaxStore, 0))
	return nil
}

// eventSubjects is what our event stream holds: what it held before, and of what we need
// whatever no other stream has.
func (s *streams) eventSubjects(ctx context.Context) ([]string, error) {
	var subjects []string
	switch info, err := s.events.Info(ctx, s.names.events); {
	case err == nil:
		subjects = info.Config.Subjects
	case !errors.Is(err, link.ErrNoStream):
		return nil, err
	}
	need := []string{s.names.prefix + ".>"}
	for _, name := range topic.Own(s.names.ns) {
		need = append(need, name, name+".>")
	}
	need = append(need, s.intake()...)
	for _, wanted := range append(need, s.o.Topics...) {
		// What overlaps with a subject of ours is ours as far as it goes: JetStream takes no
		// subjects that overlap.
		if slices.ContainsFunc(subjects, func(p string) bool {
			return subject.Collide(p, wanted) && !subject.Covers(wanted, p) || subject.Covers(p, wanted)
		}) {
			continue
		}
		if !slices.Contains(need, wanted) && s.wide(wanted) {
			s.o.Log.Info("a followed pattern takes in what is kept beside events: nothing is followed there, and elsewhere what other streams hold", "pattern", wanted)
			continue
		}
		holders, err := s.events.Names(ctx, wanted)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(holders, func(h string) bool { return h != s.names.events }) {
			subjects = append(subjects, wanted)
		}
	}
	return subject.Essential(subjects), nil
}

// wide reports whether a pattern meets what lies beside events in the account of our event stream,
// which then cannot hold all that the pattern stands for.
func (s *streams) wide(pattern string) bool {
	return slices.ContainsFunc(s.shapes(nil), func(w shape) bool {
		return w.role != forEvents && w.link == s.events && slices.ContainsFunc(w.Subjects, func(p string) bool { return subject.Collide(pattern, p) })
	})
}

// makeStream creates the stream, changes what is ours to set of the one that is there and
// ours, or uses somebody else's as it is. It fails, with the remedy, when that cannot serve.
func (s *streams) makeStream(ctx context.Context, want *shape) error {
	info, err := want.link.Info(ctx, want.Name)
	if errors.Is(err, link.ErrNoStream) {
		if want.lost {
			want.succeed()
			s.o.Log.Warn("a stream is not there although the installation is not new, creating it: what one of this name held is lost", "stream", want.Name)
		}
		if err = s.create(ctx, want); !link.HasCode(err, link.CodeStreamExists) { // unless another replica was faster
			return err
		}
		info, err = want.link.Info(ctx, want.Name)
	}
	if err != nil {
		return err
	}
	have := info.Config
	next := have
	if ours := s.own(have); ours {
		next = want.merged(have)
	} else if want.role == forEvents {
		next.Subjects = want.Subjects
	}
	if err := want.suitable(next, want.link.NC.MaxPayload()); err != nil {
		return err
	}
	if !differ(next, have) {
		return nil
	}
	return s.update(ctx, want, have, next)
}

// create makes the stream on as many servers as there should be copies. Where the bus has
// fewer than three, one copy has to do; the members of an embedded cluster are three at least,
// and the first to ask may know fewer of them.
func (s *streams) create(ctx context.Context, want *shape) error {
	c := want.StreamConfig
	if c.Replicas = s.o.Replicas; c.Replicas == 0 {
		c.Replicas = clusterReplicas
		if s.alone(want.link) {
			c.Replicas = 1
		}
	}
	err := s.createOn(ctx, want, c)
	if tooFewServers(err) && s.o.Disk != nil && c.Replicas <= clusterReplicas {
		return fmt.Errorf("%w: create stream %s: not enough servers for %d copies have met: %w", bus.ErrUnavailable, c.Name, c.Replicas, err)
	}
	if s.o.Replicas == 0 && tooFewServers(err) {
		c.Replicas = 1
		err = s.createOn(ctx, want, c)
	}
	if err != nil {
		return fmt.Errorf("create stream %s: %w", c.Name, s.explainChange(err, c))
	}
	return nil
}

// createOn creates the stream on c.Replicas servers.
func (s *streams) createOn(ctx context.Context, want *shape, c jetstream.StreamConfig) error {
	err := want.link.Change(ctx, "STREAM.CREATE.", c)
	if err == nil {
		s.o.Log.Info("stream created", "stream", c.Name, "replicas", c.Replicas, "max_bytes", c.MaxBytes)
	}
	return err
}

// tooFewServers reports whether a cluster could never hold so many copies, as it is. The server
// has one code for everything that keeps it from placing a stream, and names what might be
// mended (a server that is away, full, or tagged otherwise) in the text.
func tooFewServers(err error) bool {
	var api *link.APIError
	return link.HasCode(err, link.CodeNotClustered) ||
		link.HasCode(err, link.CodeNoPeers) && errors.As(err, &api) && api.Description == "no suitable peers for placement"
}

func (s *streams) update(ctx context.Context, want *shape, have, next jetstream.StreamConfig) error {
	err := want.link.Change(ctx, "STREAM.UPDATE.", next)
	if errors.Is(err, bus.ErrStoreFull) && next.MaxBytes != have.MaxBytes {
		// The store is smaller than what streams reserved when it was larger. Room counts by
		// what it is now.
		next.MaxBytes = have.MaxBytes
		s.o.Log.Warn("a stream keeps its size limit: the store has become smaller than what is reserved", "stream", want.Name, "max_bytes", have.MaxBytes)
		err = want.link.Change(ctx, "STREAM.UPDATE.", next)
	}
	if err == nil {
		return nil
	}
	missing := slices.DeleteFunc(slices.Clone(next.Subjects), func(p string) bool { return slices.Contains(have.Subjects, p) })
	if len(missing) > 0 {
		return fmt.Errorf("add %q to the subjects of stream %s: %w", missing, want.Name, s.explainChange(err, next))
	}
	return fmt.Errorf("update stream %s: %w", want.Name, s.explainChange(err, next))
}

// explainChange says what to do about a change that the server refused. What only an operator
// can mend is no error of the bus any more.
func (s *streams) explainChange(err error, c jetstream.StreamConfig) error {
	var api *link.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.ErrCode {
	case link.CodeNoPeers, link.CodeNotClustered:
		return fmt.Errorf("%w: the servers cannot hold %d copies of it: bring up the servers that are away, make room, or set HOOKSPAN_REPLICAS to fewer", err, c.Replicas)
	case link.CodeTooManyStreams:
		return fmt.Errorf("%s: Hookspan needs %d streams and a key-value bucket: raise the account's limit of streams", api, len(s.shapes(nil)))
	case link.CodeAccountExceeded, link.CodeInsufficientResources, link.CodeStorageExceeded:
		if s.o.Disk != nil {
			return err // what is reserved on a server of our own is ours to give up
		}
		return fmt.Errorf("%s: there is no room that others have not reserved: raise the storage limit of the account or of the servers, "+
			"remove streams or their max_bytes, or lower HOOKSPAN_REPLICAS", api)
	case link.CodeAccountNotEnabled, link.CodeNotEnabled, link.CodeNoLimits:
		return fmt.Errorf("%s: enable JetStream for the account with %d copies, or name another user", api, c.Replicas)
	case link.CodeMaxBytesRequired, link.CodeMaxBytesExceeded:
		return fmt.Errorf("%s: the account bounds the size of every stream, and some of Hookspan's cannot have one: lift that for the account", api)
	case link.CodeInvalidStream:
		return fmt.Errorf("%s: no server takes it for %q: choose other HOOKSPAN_TOPICS, another HOOKSPAN_TOPIC_PREFIX or other topics of the sources", api, c.Subjects)
	case link.CodeSubjectsOverlap:
		return fmt.Errorf("%s: another stream takes one of %q: remove it there, or choose another HOOKSPAN_NAMESPACE or HOOKSPAN_TOPIC_PREFIX", api, c.Subjects)
	}
	return err
}
