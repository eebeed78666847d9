package aside

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/event"
)

// An Item is one event that is set aside.
type Item struct {
	ID string // a dead letter has that of its delivery, what is in quarantine one of its place
	// Event names it. Topic is where it lay or would have gone, "" where that is not known; the place
	// is where it lies now.
	Event    delivery.EventRef
	Stored   time.Time
	Reason   string
	Detail   string
	Endpoint string // of a dead letter: the name of who did not take it
	Attempts int    // of a dead letter, that were made
	Source   string // of the quarantine: the source that took it
	Cut      bool   // what lies aside is not the whole event
}

const tenant = "tenant" // the extension that says whose an event is

// PlaceOf names a place for good.
func PlaceOf(p bus.Partition, at bus.Position) string {
	return string(p) + "/" + at.Identity + "/" + strconv.FormatInt(at.Seq, 10)
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// itemOf keeps no part of the message.
func itemOf(m *bus.Message) *Item {
	text := func(name string) string { return strings.Clone(event.Short(m.Event.Extension(name))) }
	it := &Item{
		ID: text(delivery.ExtensionDelivery), Event: delivery.RefOf(m).Compact(), Stored: m.Stored,
		Reason: text(delivery.ExtensionReason), Detail: text(delivery.ExtensionDetail),
		Endpoint: text(delivery.ExtensionEndpoint), Source: text(delivery.ExtensionSource),
	}
	it.Event.Report = delivery.IsReport(delivery.Restored(m.Event)) // as the event is sent again, it is no dead letter
	it.Event.Topic = text(delivery.ExtensionTopic)
	it.Event.Tenant = text(tenant)
	it.Cut = m.Event.Extension(delivery.ExtensionCutAttributes) != "" || m.Event.Extension(delivery.ExtensionCutData) != ""
	it.Attempts, _ = strconv.Atoi(m.Event.Extension(delivery.ExtensionAttempts)) // 0 where it says none
	if it.ID == "" {
		sum := sha256.Sum256([]byte(PlaceOf(m.Partition, m.Position)))
		it.ID = "qrn_" + lowerBase32.EncodeToString(sum[:16])
	}
	return it
}

// An Act is what became of an event that was set aside; a closed set.
type Act string

const (
	Replayed  Act = "replayed"
	Released  Act = "released"
	Discarded Act = "discarded"
)

// Acts lists the closed set.
func Acts() []Act { return []Act{Replayed, Released, Discarded} }

// A mark says what became of an item: of that one, and of whatever else of its id was stored before.
type mark struct {
	ID     string    `json:"id"`
	Stored time.Time `json:"stored"`
}

func (it *Item) mark(act Act) *event.Event {
	data, _ := json.Marshal(mark{it.ID, it.Stored.UTC()}) // a text and a time always marshal
	kind := delivery.MarkTypes + string(act)
	return &event.Event{
		ID: kind + "/" + it.ID + "/" + strconv.FormatInt(it.Stored.UnixNano(), 36), Source: delivery.OpsSource, Type: kind, Subject: it.ID,
		Time: time.Now().UTC(), DataContentType: "application/json", Data: data,
	}
}
