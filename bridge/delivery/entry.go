package delivery

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
)

// An Entry is the durable form of a pending delivery: which one, and the attempt that it
// waits for or runs.
type Entry struct {
	ID       string    `json:"id"`
	Endpoint string    `json:"ep"`
	Event    EventRef  `json:"ev"`
	Number   int       `json:"n"` // of the attempt that it waits for or runs; 1 is the first
	Due      time.Time `json:"due"`
	Batch    string    `json:"batch,omitempty"`
	Created  time.Time `json:"at,omitzero"`
	Life     *Life     `json:"life,omitempty"`  // not changed any more; nil where nothing bounds it, or an earlier version did not keep it
	Asked    bool      `json:"asked,omitempty"` // an operator wants the attempt, whatever the event's age
	// Key is what the delivery is ordered by, "" where it is ordered with nothing.
	Key string `json:"ord,omitempty"`
	// Cancelled: an operator wants no further attempt. Whoever owns the shard ends the delivery.
	Cancelled bool `json:"cancel,omitempty"`
	// Replay is the id of the replay that the delivery belongs to, "" for what topics have brought.
	Replay string `json:"rpl,omitempty"`
	NewID  bool   `json:"nid,omitempty"` // and its receiver is to take the event for another one
}

// BatchPrefix begins the ids of batches.
const BatchPrefix = "bat_"

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// EntryOf is the delivery of an event to an endpoint, before its first attempt.
func EntryOf(endpoint string, m *bus.Message) Entry {
	ref := RefOf(m)
	return Entry{ID: ID(endpoint, &ref), Endpoint: endpoint, Event: ref.Compact(), Number: 1, Created: m.Stored}
}

// An EventRef names an event and the place where it lies. Its id, source, type and subject are as
// event.Short has them: whatever an event's attributes are, what is written of it stays small.
type EventRef struct {
	ID        string        `json:"id"`
	Source    string        `json:"src"`
	Type      string        `json:"typ"`
	Subject   string        `json:"sub,omitempty"`
	Tenant    string        `json:"ten,omitempty"`
	Topic     string        `json:"top"`
	Partition bus.Partition `json:"p"`
	bus.Position
	Report bool `json:"rep,omitempty"` // false, too, where an earlier version kept it
}

// Compact returns the reference with texts of its own. Those of a message that was just read are
// parts of its whole headers, which a delivery that waits for hours must not hold; and what many
// deliveries have in common is in memory once.
func (e EventRef) Compact() EventRef {
	e.ID, e.Subject = strings.Clone(e.ID), strings.Clone(e.Subject)
	e.share()
	return e
}

func (e *EventRef) share() {
	e.shorten()
	e.Source, e.Type, e.Topic = shared(e.Source), shared(e.Type), shared(e.Topic)
	if e.Tenant != "" {
		e.Tenant = shared(e.Tenant)
	}
	e.Partition, e.Identity = bus.Partition(shared(string(e.Partition))), shared(e.Identity)
}

// shorten also cuts what an earlier version did not.
func (e *EventRef) shorten() {
	e.ID, e.Source, e.Type, e.Subject = event.Short(e.ID), event.Short(e.Source), event.Short(e.Type), event.Short(e.Subject)
}

// Share has an entry that was read hold but once what many entries have in common.
func (e *Entry) Share() {
	e.Endpoint, e.Replay, e.Key = shared(e.Endpoint), shared(e.Replay), shared(e.Key)
	e.Event.share()
}

// shared is the one copy of a text that many deliveries have.
func shared(text string) string { return unique.Make(text).Value() }

// RefOf names the event of a message.
func RefOf(m *bus.Message) EventRef {
	e := EventRef{
		ID: m.Event.ID, Source: m.Event.Source, Type: m.Event.Type, Subject: m.Event.Subject,
		Tenant: m.Tenant, Topic: m.Topic, Partition: m.Partition, Position: m.Position, Report: IsReport(m.Event),
	}
	e.shorten()
	return e
}

// ID names one event on its way to one endpoint: the same place and event give the
// same id after any takeover.
func ID(endpoint string, ref *EventRef) string { return ReplayID(endpoint, ref, "") }

// ReplayID is ID of what a replay sends again: another delivery, of the same event.
func ReplayID(endpoint string, ref *EventRef, replay string) string {
	b := make([]byte, 0, 256)
	for _, s := range [...]string{endpoint, string(ref.Partition), ref.Identity, ref.Source, ref.ID} {
		b = append(append(b, s...), 0)
	}
	b = strconv.AppendInt(b, ref.Seq, 10)
	b = strconv.AppendInt(append(b, 0), ref.Mark, 10)
	if replay != "" {
		b = append(append(b, 0), replay...)
	}
	return hashID("dlv_", b)
}

// NewReplay is the id of a replay, random.
func NewReplay() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hashID("rpl_", b[:])
}

// BatchID is the hash of the ids of a batch's members, in order.
func BatchID(members ...string) string {
	b := make([]byte, 0, 32*len(members))
	for _, id := range members {
		b = append(append(b, id...), 0)
	}
	return hashID(BatchPrefix, b)
}

func hashID(prefix string, b []byte) string {
	sum := sha256.Sum256(b)
	id := make([]byte, 0, 32)
	id = append(id, prefix...)
	return string(lowerBase32.AppendEncode(id, sum[:16]))
}

// ShardOf is the shard that an endpoint's deliveries belong to.
func ShardOf(endpoint string, shards int) int {
	h := fnv.New32a()
	h.Write([]byte(endpoint))
	return int(h.Sum32() % uint32(shards))
}
