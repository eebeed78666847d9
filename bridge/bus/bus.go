// Package bus is the contract between Hookspan and the system that holds everything durable.
// An adapter (sinks/jetstream, sinks/kafka) keeps it; bustest.Run checks it clause by clause.
//
// A bus offers four things: topics that events are published to and read from in order,
// chained logs with one writer at a time, a journal per shard that anybody appends to, and a
// sync that says when all of it would survive a power cut. There are no capability flags:
// what a system lacks, its adapter builds.
package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/tracing"
)

// A Partition is the place within which positions are ordered: a JetStream stream
// ("HOOKSPAN_EVENTS") or one partition of a Kafka topic ("orders/3").
type Partition string

// A Position names the last event counted in a partition; "up to" a position includes it.
// Positions are compared only within one Identity of one partition.
type Position struct {
	Identity string `json:"i"`           // which incarnation: a stream's creation time, a topic's id
	Seq      int64  `json:"s"`           // sequence or offset; Nothing when no event has been counted
	Mark     int64  `json:"m,omitempty"` // of that event: its timestamp in ns, or its leader epoch and one; 0 without an event
}

// Same reports whether two positions are of one incarnation and so can be compared.
func (p Position) Same(q Position) bool { return p.Identity == q.Identity }

// Includes reports whether "up to p" includes the event at q. A sequence that was given out
// again after a cut back carries a later mark and is not included.
func (p Position) Includes(q Position) bool {
	return p.Same(q) && q.Seq <= p.Seq && q.Mark <= p.Mark
}

// Reaches reports whether p lies at q or after it. It does not look at the marks: it is for
// places that were both held against what the partition has now, and the clocks of a bus's
// servers may run backwards.
func (p Position) Reaches(q Position) bool { return p.Same(q) && q.Seq <= p.Seq }

// Positions holds one position per partition. A partition that is not named has none.
type Positions map[Partition]Position

// A Message is one event at its place.
type Message struct {
	Topic     string // the whole subject, or the topic's name
	Partition Partition
	Position  Position
	Stored    time.Time
	Event     *event.Event // a message that is no CloudEvent arrives wrapped in one
	Flaws     []event.Flaw // attributes that it came with and that no event may have
	// Fault says why a message that is meant to be an event is none. Then Event is what could
	// be read of it, and goes to the quarantine and nowhere else.
	Fault string
	// Mark is PublishOptions.Mark (K3), "" where there was none, or where nobody knows who wrote it.
	Mark string
	// Likeness says in which way a message that is no event, and was wrapped, looks like one.
	Likeness string
	// Tenant is whose the event is by TenantRule, "" for nobody's, and means nothing without that:
	// whoever follows a topic finds it out once for all.
	Tenant, TenantRule string

	Size int // bytes it occupies in memory, roughly
	// View is what filters have made of the event to look into it, for the next ones; nil: nothing
	// yet. Whoever judges the message does so alone.
	View any
	// Reading is of whoever follows the topic; nil where no traces are made.
	Reading *tracing.Reading
}

// viewKept is of which events, in bytes, a view is kept as long as the message: it takes many times
// their room.
const viewKept = 16 << 10

// Judged is called when nobody else will judge the message soon.
func (m *Message) Judged() {
	if m.Size > viewKept {
		m.View = nil
	}
}

// Span is what a partition holds now.
type Span struct {
	Partition Partition
	Identity  string
	First     int64    // the first sequence that is still kept; End.Seq+1 when it is empty
	End       Position // the last event stored; Seq First-1 when it is empty
	New       bool     // it appeared after the process had begun to follow its pattern
	// Away: nobody can be asked about it now, and First and End say nothing. The others go on.
	Away bool
}

// A Store is the whole contract.
type Store interface {
	Publisher
	Topics
	Logs
	Journal
	Durability
}

// A Publisher makes events durable.
type Publisher interface {
	// Publish returns nil only once the event is durable (clause P1): a crash of the process,
	// and with an embedded bus that syncs a power cut, does not lose it. Any number of
	// goroutines may call it at once. Errors: ErrUnavailable, ErrStoreFull, ErrDiskFull,
	// ErrTooLarge; any of them may leave the event published (P2). Once it has returned nil
	// nothing of e is kept, so the caller may use its data's memory again.
	Publish(ctx context.Context, topic string, e *event.Event, o PublishOptions) (Receipt, error)
	// MaxBytes is the largest event (attributes and data) that the bus takes (P5); Publish
	// answers ErrTooLarge beyond what a message can hold.
	MaxBytes() int64
}

// PublishOptions says how an event is written.
type PublishOptions struct {
	Structured bool // one JSON document instead of binary mode, which an adapter writes too where headers hold too little
	// Reserved events (dead letters, operations events) may use the room that the event
	// store keeps back from intake (P4).
	Reserved bool
	// Key refuses a second event with the same key published within a few seconds (P3): the
	// guard against races that a caller's own window cannot see. Empty: no guard.
	Key string
	// Mark is kept beside the event, not in it, and comes back in a Publication (H3) and with
	// the Message (K3): what intake has to know of the event again. At most MaxMark bytes of a-z, A-Z, 0-9, - and _.
	Mark string
	// Sent, when it is not nil, is called as soon as the event has its place: what is published
	// to its partition after the call lies after it, unless one of the two has to be sent
	// again (P6). It may be called again then, and is not where Publish fails before; it must
	// return at once.
	Sent func()
}

// MaxMark bounds PublishOptions.Mark.
const MaxMark = 128

// A Receipt says where an event went.
type Receipt struct {
	Partition Partition
	Position  Position
	Repeated  bool // the key had been published before: the first one is durable
}

// Topics reads what was published, in order and without acknowledging anything. What is kept beside
// events (logs, journal, refusals, leases) is followed by no pattern: each record of a delivery would be
// an event that is delivered. That holds for other installations, too, where the bus shows which they
// are. A store is not opened with a pattern that stands for nothing else, and publishes no event there
// (T8).
type Topics interface {
	// Spans lists the partitions whose topics match the followed patterns, asked from their
	// leaders (clause T1). Those whose leader is away are marked so; if all are, it fails.
	Spans(ctx context.Context) ([]Span, error)
	// Follow hands over every followed message of a partition after the place `after`, in order
	// (T2), in batches of what is there, and waits for more until ctx ends or deliver
	// returns an error, which it then returns. It returns ErrRecreated when the partition's
	// identity is another than after.Identity, and ErrCutBack when the partition ends in
	// front of `after` or holds another event there, also when it had to reconnect (T3).
	// Being away for a while ends no Follow. A batch is the receiver's to keep. Whenever nothing followed
	// is left after what was handed over, deliver is called with an empty batch, also
	// before the first message when there is none (T6).
	Follow(ctx context.Context, p Partition, after Position, deliver func([]Message) error) error
	// Get reads one message again. ErrGone only when it is certainly no longer there:
	// expired, deleted, or another event is at its place (T4). A Mark of 0 takes whatever
	// event is there.
	Get(ctx context.Context, p Partition, at Position) (Message, error)
	// Before returns the position of the last message stored before t, or that of the place
	// before the first one kept (T5).
	Before(ctx context.Context, p Partition, t time.Time) (Position, error)
	// Intact is asked about a place that a partition no longer holds, and returns the newest
	// one before it up to which the partition is certain to hold what it held when `at`
	// was counted, which only at's mark can tell (T7): the last message stored more than a
	// minute before it, or where its leader epoch ended. Nothing certain: the place in front
	// of the first message kept.
	Intact(ctx context.Context, p Partition, at Position) (Position, error)
}

// LogName names a log: what it holds, and for state and journal the shard.
type LogName struct {
	Kind  LogKind
	Shard int
}

// LogKind is one of the kinds below.
type LogKind string

const (
	Registry LogKind = "registry"
	State    LogKind = "state"
	Commands LogKind = "commands"
	Alerts   LogKind = "alerts" // what was mailed; kept only where that is asked for
)

// Logs are chained logs: each record names the one that it follows. The adapter stores and
// returns records as they are; Chain, in this package, decides which of them exist.
type Logs interface {
	// Append writes a record after the log's last one and returns once it is durable. With
	// ErrRefused or ErrTooLarge it was not written; any other error leaves that open (clause L1). A bus that can refuse a record whose
	// Prev is not the last one does (L2).
	Append(ctx context.Context, log LogName, r Record) (pos int64, err error)
	// Read hands over the records from `from` on, in order, up to the end as it was
	// when Read was called at the latest, read from the leader (L3). A `from` before
	// the first record kept begins at the first; the caller sees it from the position.
	Read(ctx context.Context, log LogName, from int64, each func(Record) error) error
	// Trim removes the records before `below` for good (L4).
	Trim(ctx context.Context, log LogName, below int64) error
}

// A Record is one record of a chained log.
type Record struct {
	Pos    int64    // set by the bus; positions grow, not always by one
	ID     [16]byte // random
	Prev   int64    // position of the record that it follows; NoPosition at the root
	PrevID [16]byte
	Data   []byte
}

// NoPosition stands for "after nothing": it is smaller than every position of every log
// and journal.
const NoPosition int64 = -1

// A Journal is an append-only log per shard that several may write at once.
type Journal interface {
	// AppendJournal returns once the entry is durable (clause J1), with its position. ErrTooLarge: it was
	// not written, and smaller ones may be.
	AppendJournal(ctx context.Context, shard int, data []byte) (pos int64, err error)
	// ReadJournal hands over the entries of a shard from `from` on, in order, up to
	// the end as it was at the call. A trimmed front is skipped (J2).
	ReadJournal(ctx context.Context, shard int, from int64, each func(pos int64, data []byte) error) error
	// JournalSpan returns the first position kept of a shard's journal and the last, both
	// NoPosition when it is empty (J3).
	JournalSpan(ctx context.Context, shard int) (first, last int64, err error)
}

// Durability is about the store as a whole.
type Durability interface {
	// Sync returns after a sync that began after the call: whatever had been acknowledged
	// before survives a power cut (clause D1). Nil at once where the bus needs none.
	Sync(ctx context.Context) error
	// Room says how much of the event store is used; Limit 0 means no limit of ours (D2).
	Room(ctx context.Context) (Room, error)
	// PurgeEvents removes the followed messages of a partition up to `upto`,
	// and nothing else (D3). It refuses a partition that is not ours.
	PurgeEvents(ctx context.Context, p Partition, upto int64) error
	// OthersNeed is the smallest position acknowledged by a durable consumer of somebody
	// else on the partition; false when there is none (D4).
	OthersNeed(ctx context.Context, p Partition) (int64, bool, error)
}

// History tells what intake has published, so that a window of what was seen before can be
// built anew at the start. A Store may offer it.
type History interface {
	// Published returns a reading of every event that was published since then to the topics
	// that intake writes, quarantine included and dead letters not (clause H1). Messages that
	// intake did not write may be among them or left out.
	Published(since time.Time) Reading
}

// A Reading hands over what its calls before have not, up to the end as it was at the call. After
// an error, the bus's or one of each, the next call goes on where it came; a few may come twice
// (H4). Calls come one after the other.
type Reading func(ctx context.Context, each func(Publication) error) error

// A Publication is what is told of an event that intake published. Source and ID are left out where
// they are too long for the place that is told from.
type Publication struct {
	Topic, Source, ID string
	At                time.Time // when it was stored
	Mark              string    // PublishOptions.Mark, "" when there was none
}

// Kept is everything of the installation that is no record of ours. A Store may offer it.
type Kept interface {
	// Kept reads the followed topics and, beside them, those that intake writes, the quarantine,
	// dead letters and operations events, whether or not anybody follows them (clause K1).
	Kept() Topics
	// KeptOf reads one of these topics alone, by its name, at little cost however much lies beside
	// it (K2). All of these tell the mark of a message (K3).
	KeptOf(topic string) Topics
}

// Refusals is a bounded log of requests that were refused, for people to read. A Store may
// offer it. Anyone can cause a refusal, so the oldest ones make room, and a power cut may
// lose the newest.
type Refusals interface {
	// AppendRefusal adds one (clause R1).
	AppendRefusal(ctx context.Context, data []byte) error
	// Refusals hands over the newest ones, newest first, at most limit of them (R2).
	Refusals(ctx context.Context, limit int, each func(data []byte) error) error
}

// A PrivateError is about a pattern that stands for nothing but what the installation of a namespace
// keeps beside events (T8).
type PrivateError struct{ Pattern, Namespace string }

func (e *PrivateError) Error() string {
	return fmt.Sprintf("the topic pattern %s stands for nothing but what the Hookspan of namespace %s keeps beside events, and that is followed by nobody: name topics of events", e.Pattern, e.Namespace)
}

// Room is the event store's size in bytes.
type Room struct{ Used, Limit, Reserved int64 }

var (
	// ErrUnavailable: the bus did not answer in time or has no leader. Try again.
	ErrUnavailable = errors.New("bus unavailable")
	// ErrAway: no place in a partition can be held against what it has now.
	ErrAway = fmt.Errorf("%w: nobody can be asked what the partition holds", ErrUnavailable)
	// ErrDiskFull: less is free than the watermark, or the disk refused a write.
	ErrDiskFull = errors.New("disk full")
	// ErrStoreFull: the event store is at its limit.
	ErrStoreFull = errors.New("event store full")
	// ErrTooLarge: the bus does not take an event of this size.
	ErrTooLarge = errors.New("event too large for the bus")
	// ErrRefused: the record does not follow the log's last one and was not written.
	ErrRefused = errors.New("record does not follow the last one")
	// ErrRecreated: the partition is another one than the position names.
	ErrRecreated = errors.New("partition was recreated")
	// ErrCutBack: the partition no longer reaches the position, or holds another event there.
	ErrCutBack = errors.New("partition was cut back")
	// ErrGone: the message is certainly no longer there.
	ErrGone = errors.New("message is gone")
	// ErrNewerFormat: a record was written by a newer version of Hookspan.
	ErrNewerFormat = errors.New("record has a newer format than this version reads")
)
