package jetstream

import (
	"context"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/topic"
)

// keeps reports whether a subject, or each that a pattern stands for, is one on which the Hookspan
// of a namespace keeps what is no event.
func keeps(namespace, pattern string) bool {
	if bucket, is := strings.CutPrefix(pattern, "$KV."); is {
		return strings.HasPrefix(bucket, streamName(namespace, "LEASES")+".")
	}
	rest, is := strings.CutPrefix(pattern, namespace+".")
	if !is {
		return false
	}
	switch what, _, below := strings.Cut(rest, "."); what {
	case "state", "journal": // by shard
		return true
	case "registry", "commands", "refusals":
		return !below
	}
	return false
}

// beside reports whether a subject, or each that a pattern stands for, is one of what we keep
// beside events, or another installation that was seen.
func (s *topics) beside(pattern string) bool {
	s.mu.Lock()
	others := s.others
	s.mu.Unlock()
	return keeps(s.names.ns, pattern) || slices.ContainsFunc(others, func(ns string) bool { return keeps(ns, pattern) })
}

// holdsNoEvents reports whether a stream has nothing but that.
func (s *topics) holdsNoEvents(c jetstream.StreamConfig) bool {
	mark := c.Metadata[markOfOurs]
	return len(c.Subjects) > 0 && !slices.ContainsFunc(c.Subjects, func(q string) bool {
		return !s.beside(q) && (mark == "" || !keeps(mark, q))
	})
}

// copied reports whether a stream takes in others, and so may have that among its events: no two
// streams take the same subject.
func copied(c jetstream.StreamConfig) bool { return len(origins(c)) > 0 }

// meet takes in which installations there are. One that was seen stays known.
func (s *topics) meet(all []*jetstream.StreamInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ns := range installations(all) {
		if ns != s.names.ns && !slices.Contains(s.others, ns) {
			s.others = append(s.others[:len(s.others):len(s.others)], ns)
		}
	}
}

// installations are the namespaces that streams carry as a mark, or that have all of what an
// installation keeps: streams which somebody else made for it have no mark.
func installations(all []*jetstream.StreamInfo) []string {
	var marked, subjects []string
	for _, info := range all {
		if ns := info.Config.Metadata[markOfOurs]; ns != "" {
			marked = append(marked, ns)
		}
		subjects = append(subjects, info.Config.Subjects...)
	}
	return append(marked, topic.Installations(slices.Values(subjects))...)
}

// Check is what Open would refuse before it asks the bus.
func (o Options) Check() error {
	o.withDefaults()
	for _, p := range o.Topics {
		if keeps(o.Namespace, p) {
			return &bus.PrivateError{Pattern: p, Namespace: o.Namespace}
		}
	}
	return nil
}

// refusePrivate fails when a pattern stands for nothing but what another installation keeps.
func (s *topics) refusePrivate(ctx context.Context) error {
	for _, p := range s.o.Topics {
		for end, c := range p {
			ns := p[:end]
			if c != '.' || !keeps(ns, p) {
				continue
			}
			all, err := s.events.Streams(ctx)
			if err != nil {
				return err
			}
			if slices.Contains(installations(all), ns) {
				return &bus.PrivateError{Pattern: p, Namespace: ns}
			}
		}
	}
	return nil
}
