package jetstream

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
)

// An installation is what all parts of a Store work with: what was configured, its names on the
// bus, and the connections to it.
type installation struct {
	o          Options
	names      names
	events     *link.Link // publishes
	reads      *link.Link // reads events
	private    *link.Link
	identities identities             // of streams that hold a followed topic
	lacking    lacking                // of what is needed
	distrusted *prometheus.CounterVec // by reason
}

// names are the streams and subjects of an installation.
type names struct {
	ns, prefix                                           string
	events, state, registry, commands, journal, refusals string // streams
	leases                                               string // a bucket
}

func (o *Options) names() names {
	return names{
		ns: o.Namespace, prefix: o.Prefix, events: o.Stream,
		state:    streamName(o.Namespace, "STATE"),
		registry: streamName(o.Namespace, "REGISTRY"),
		commands: streamName(o.Namespace, "COMMANDS"),
		journal:  streamName(o.Namespace, "JOURNAL"),
		refusals: streamName(o.Namespace, "REFUSALS"),
		leases:   streamName(o.Namespace, "LEASES"),
	}
}

func streamName(namespace, what string) string {
	return strings.ToUpper(namespace) + "_" + what
}

// Sync implements bus.Durability (D1).
func (s *installation) Sync(ctx context.Context) error {
	if s.o.Disk == nil {
		return nil
	}
	return link.Unavailable(s.o.Disk.Sync(ctx))
}

func (s *installation) durable(ctx context.Context) error {
	if s.o.Disk == nil {
		return nil
	}
	return link.Unavailable(s.o.Disk.Durable(ctx))
}

func (s *installation) usable(reserved bool) error {
	if s.o.Disk == nil {
		return nil
	}
	return s.o.Disk.Usable(reserved)
}

// explain prefers what the disk says to what became of it: a server that cannot write does
// not answer.
func (s *installation) explain(err error, reserved bool) error {
	if trouble := s.usable(reserved); trouble != nil {
		return trouble
	}
	return err
}

// meddled tells of an error that is a distrust.
func (s *installation) meddled(err error, v ...any) {
	var d link.Distrust
	if errors.As(err, &d) {
		s.distrusted.WithLabelValues(string(d)).Inc()
		s.o.Log.Error("the bus was meddled with, or believed to be what it is not", append([]any{"reason", string(d), "error", err}, v...)...)
	}
}

// own reports whether we created a stream. Everything on an embedded server is ours.
func (s *installation) own(c jetstream.StreamConfig) bool {
	return s.o.Disk != nil || c.Metadata[markOfOurs] == s.names.ns
}

// alone reports whether the server that we are connected to is no part of a cluster. Behind a
// domain or another account that says nothing about the servers that keep the streams.
func (s *installation) alone(l *link.Link) bool {
	return l.NC.ConnectedClusterName() == "" && s.o.Domain == "" && s.o.APIPrefix == ""
}

// intake are the patterns of the topics that intake writes.
func (s *installation) intake() []string {
	return append([]string{s.names.prefix + ".>", s.names.ns + ".quarantine", s.names.ns + ".quarantine.>"}, s.o.Intake...)
}

// filters are the patterns to read from a stream: those that meet its subjects. With byServer
// the server reads by them (none: everything on it), else whoever reads picks what matches:
// where patterns overlap the server cannot, and on our event stream, which holds little else,
// its filter costs more than it saves.
func (s *installation) filters(patterns []string, c jetstream.StreamConfig) (list []string, byServer bool) {
	for _, p := range subject.Essential(patterns) {
		if len(c.Subjects) == 0 || slices.ContainsFunc(c.Subjects, func(q string) bool { return subject.Collide(p, q) }) {
			list = append(list, p)
		}
	}
	everything := len(c.Subjects) > 0 && !slices.ContainsFunc(c.Subjects, func(q string) bool { return !subject.Matches(list, q) })
	if everything {
		return nil, true
	}
	return list, c.Name != s.names.events && subject.Apart(list)
}

// identities are those of streams.
type identities struct {
	mu  sync.Mutex
	all map[string]string
}

func (i *identities) of(stream string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.all[stream]
}

func (i *identities) set(stream, id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.all[stream] = id
}

// learn notes another identity of a stream that holds a followed topic.
func (i *identities) learn(stream, id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, holds := i.all[stream]; holds {
		i.all[stream] = id
	}
}
