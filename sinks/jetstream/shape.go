package jetstream

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
	"github.com/nats-io/nats.go/jetstream"
)

// markOfOurs is the metadata that a stream carries which we created; its value is the namespace.
const markOfOurs = "hookspan"

// A role is what a stream is for, and so what it must be like.
type role int

const (
	forEvents  role = iota
	forLog          // a chained log: nothing may vanish from it but by a trim
	forRecords      // the journal and the refusals: bounded, the oldest make room
)

// A shape is a stream as we would create it.
type shape struct {
	jetstream.StreamConfig
	role         role
	link         *link.Link
	lost         bool // where it is missing, it was there once
	sizeIsTheirs bool // of a limit that the stream has: there is no share of a store to keep to
}

// shapes are the streams of an installation, in the order in which they are made.
func (s *streams) shapes(eventSubjects []string) []shape {
	ns, n := s.names.ns, s.names
	list := []shape{
		{role: forEvents, link: s.events, StreamConfig: jetstream.StreamConfig{
			Name: n.events, Subjects: eventSubjects,
			Description: "Events, dead letters, operations events and quarantine",
			MaxAge:      s.o.Retention, MaxBytes: share(s.o.EventStore, eventsShare, -1),
			// Full means refused, not silently forgotten.
			Discard: jetstream.DiscardNew, Duplicates: min(duplicateWindow, s.o.Retention),
		}},
		{role: forLog, StreamConfig: jetstream.StreamConfig{
			Name: n.state, Subjects: []string{ns + ".state.*"}, Description: "State log of each shard", MaxBytes: -1,
		}},
		{role: forLog, StreamConfig: jetstream.StreamConfig{
			Name: n.registry, Subjects: []string{ns + ".registry"}, Description: "Endpoints and starts of topics", MaxBytes: -1,
		}},
		{role: forLog, StreamConfig: jetstream.StreamConfig{
			Name: n.commands, Subjects: []string{ns + ".commands"}, Description: "What operators asked for", MaxBytes: -1,
		}},
		{role: forRecords, StreamConfig: jetstream.StreamConfig{
			Name: n.journal, Subjects: []string{ns + ".journal.*"}, Description: "Attempts, by shard",
			MaxAge: s.o.JournalRetention, MaxBytes: share(s.o.PrivateStore, journalShare, -1), MaxMsgs: s.most(journalRecords),
		}},
		{role: forRecords, StreamConfig: jetstream.StreamConfig{
			Name: n.refusals, Subjects: []string{ns + ".refusals"}, Description: "Requests that intake refused",
			MaxAge: s.o.JournalRetention, MaxBytes: min(share(s.o.PrivateStore, refusalsShare, -1), refusalsBytes), MaxMsgs: s.most(refusalsRecords),
		}},
	}
	for i := range list {
		c := &list[i]
		c.Storage, c.Retention = jetstream.FileStorage, jetstream.LimitsPolicy
		c.Metadata = map[string]string{markOfOurs: ns}
		store := s.o.EventStore
		if c.link == nil {
			c.link, store = s.private, s.o.PrivateStore
		}
		c.sizeIsTheirs = store == 0 && c.role != forLog
	}
	return list
}

// most is how many records there may be where no share of a store bounds their bytes: a limit in
// bytes would be reserved, of everybody's room, whether it is ever used or not.
func (s *streams) most(records int64) int64 {
	if s.o.PrivateStore > 0 {
		return -1
	}
	if allowed := s.allowance.Load(); allowed > 0 {
		records = min(records, max(allowed/10/recordBytes, recordsLeast))
	}
	return records
}

// share is a part of the store in bytes, or otherwise when the store has no limit.
func share(store, percent, otherwise int64) int64 {
	if store == 0 {
		return otherwise
	}
	return store / 100 * percent
}

// A flaw is why a stream cannot serve, and what to do about it.
type flaw struct{ wrong, remedy string }

// An unsuitableError is about a stream that exists and cannot serve as it is.
type unsuitableError struct {
	stream string
	flaws  []flaw
}

func (e *unsuitableError) Error() string {
	var text []string
	for _, f := range e.flaws {
		text = append(text, f.wrong+": "+f.remedy)
	}
	return fmt.Sprintf("stream %s cannot be used as it is: %s", e.stream, strings.Join(text, "; "))
}

// suitable is nil, or says all that is wrong with a stream of this configuration.
func (w *shape) suitable(have jetstream.StreamConfig, payload int64) error {
	if flaws := slices.Concat(w.unusable(have), w.forgetful(have), w.narrow(have, payload)); len(flaws) > 0 {
		return &unsuitableError{have.Name, flaws}
	}
	return nil
}

// elsewhere is what to do about what cannot be edited.
func (w *shape) elsewhere() string {
	if w.role == forEvents {
		return "name another stream with HOOKSPAN_STREAM, or remove this one"
	}
	return "remove it, or choose another HOOKSPAN_NAMESPACE"
}

// unusable: it cannot be written to, read, or trimmed.
func (w *shape) unusable(have jetstream.StreamConfig) (flaws []flaw) {
	for _, f := range []struct {
		is bool
		flaw
	}{
		{have.Retention != jetstream.LimitsPolicy, flaw{"its retention is " + have.Retention.String() + ", so reading it would delete from it", w.elsewhere()}},
		{have.Mirror != nil, flaw{"it is a mirror, which takes no messages", w.elsewhere()}},
		{have.Sealed, flaw{"it is sealed", w.elsewhere()}},
		{have.SubjectTransform != nil, flaw{"it renames subjects", "remove its subject transform"}},
		{have.NoAck, flaw{"it acknowledges nothing (no_ack)", "switch acknowledgements on"}},
		{have.PersistMode == jetstream.AsyncPersistMode, flaw{"it acknowledges before it writes (persist_mode async)", w.elsewhere()}},
		{w.role == forLog && have.Storage != jetstream.FileStorage, flaw{"it is kept in memory, and nothing else remembers what it holds", w.elsewhere()}},
		{w.role == forLog && have.DenyPurge, flaw{"it denies purging, so it could never be trimmed", w.elsewhere()}},
		{w.role != forEvents && len(have.Sources) > 0, flaw{"it takes in other streams", "remove its sources"}},
	} {
		if f.is {
			flaws = append(flaws, f.flaw)
		}
	}
	return flaws
}

// forgetful: its limits would delete what is still needed, or refuse what must not be refused.
func (w *shape) forgetful(have jetstream.StreamConfig) (flaws []flaw) {
	sized := have.MaxBytes > 0 || have.MaxMsgs > 0
	for _, f := range []struct {
		is bool
		flaw
	}{
		{w.role == forLog && have.MaxAge > 0, flaw{"max_age would delete records that are needed", "nats stream edit " + have.Name + " --max-age=-1"}},
		{w.role == forLog && have.MaxBytes > 0, flaw{"max_bytes would delete or refuse records", "nats stream edit " + have.Name + " --max-bytes=-1"}},
		{w.role == forLog && have.MaxMsgs > 0, flaw{"max_msgs would delete or refuse records", "nats stream edit " + have.Name + " --max-msgs=-1"}},
		{have.MaxMsgsPerSubject > 0, flaw{"max_msgs_per_subject would delete or refuse messages", "nats stream edit " + have.Name + " --max-msgs-per-subject=-1"}},
		{w.role == forEvents && sized && have.Discard == jetstream.DiscardOld, flaw{"when it is full it deletes old events, delivered or not (discard old)", "nats stream edit " + have.Name + " --discard=new"}},
		{w.role == forRecords && sized && have.Discard == jetstream.DiscardNew, flaw{"when it is full it refuses what is new (discard new)", "nats stream edit " + have.Name + " --discard=old"}},
	} {
		if f.is {
			flaws = append(flaws, f.flaw)
		}
	}
	return flaws
}

// narrow: it does not take all that would be written to it.
func (w *shape) narrow(have jetstream.StreamConfig, payload int64) (flaws []flaw) {
	for _, wanted := range w.Subjects {
		if !slices.ContainsFunc(have.Subjects, func(p string) bool {
			return subject.Covers(p, wanted) || w.role == forEvents && subject.Collide(p, wanted)
		}) {
			flaws = append(flaws, flaw{"it does not take " + wanted, "add that to its subjects"})
		}
	}
	if size := int64(have.MaxMsgSize); size > 0 && size < payload && w.role != forEvents {
		flaws = append(flaws, flaw{fmt.Sprintf("max_msg_size %d is smaller than the %d bytes that the server takes", size, payload), "nats stream edit " + have.Name + " --max-msg-size=-1"})
	}
	return flaws
}

// merged is a stream of ours as it is, with what is ours to set set: what somebody else tuned
// (replicas, compression, placement) stays, and limits stay where we have no wish.
func (w *shape) merged(have jetstream.StreamConfig) jetstream.StreamConfig {
	next := have
	next.Subjects, next.MaxAge, next.Discard = w.Subjects, w.MaxAge, w.Discard
	if next.MaxBytes = w.MaxBytes; w.sizeIsTheirs && have.MaxBytes > 0 && !w.reserved(have.MaxBytes) {
		next.MaxBytes = have.MaxBytes
	}
	if w.role == forRecords && have.MaxMsgs <= 0 {
		next.MaxMsgs = w.MaxMsgs
	}
	if w.Duplicates != 0 {
		next.Duplicates = w.Duplicates
	}
	next.Metadata = map[string]string{}
	for name, value := range have.Metadata {
		next.Metadata[name] = value
	}
	next.Metadata[markOfOurs] = w.Metadata[markOfOurs]
	return next
}

// reserved reports a limit that earlier versions gave to the journal and the refusals: so much,
// or as many times an eighth of it as the bus had no room for.
func (w *shape) reserved(bytes int64) bool {
	for _, limit := range []int64{10 << 30, refusalsBytes} {
		for ; w.role == forRecords && limit >= 1<<20; limit /= 8 {
			if bytes == limit {
				return true
			}
		}
	}
	return false
}

// differ reports whether an update would change anything.
func differ(a, b jetstream.StreamConfig) bool {
	return !slices.Equal(a.Subjects, b.Subjects) || a.MaxAge != b.MaxAge || a.MaxBytes != b.MaxBytes || a.MaxMsgs != b.MaxMsgs ||
		a.Discard != b.Discard || a.Duplicates != b.Duplicates || a.Metadata[markOfOurs] != b.Metadata[markOfOurs]
}

// succeed makes it the shape of a stream that takes the place of one that is lost: a log begins
// beyond any record that the lost one can have had, so that no kept place names one of it.
// Positions of events name their stream.
func (w *shape) succeed() {
	if w.role != forEvents {
		w.FirstSeq = uint64(time.Now().UnixMicro())
	}
}
