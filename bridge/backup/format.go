package backup

import (
	"encoding/json"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// Version is the format of the files that this version writes; it reads no later one.
const Version = 1

// A Head is the first line of a backup.
type Head struct {
	Version int       `json:"version"`
	Made    time.Time `json:"made"`
	By      string    `json:"by"`    // the version of Hookspan
	Bus     string    `json:"bus"`   // its kind
	Since   string    `json:"since"` // of the events: all, none, or the time
	Layout
}

// A Summary is what a backup holds.
type Summary struct {
	Endpoints  int       `json:"endpoints"`
	Events     int       `json:"events"`
	Deliveries int       `json:"deliveries"` // that are owed
	Bytes      int64     `json:"bytes"`      // of the events
	Largest    int64     `json:"largest"`    // bytes of the largest event
	Oldest     time.Time `json:"oldest,omitzero"`
	Newest     time.Time `json:"newest,omitzero"`
	Expired    int       `json:"expired"` // deliveries that were pending and whose event is gone
	Invalid    int       `json:"invalid"` // messages that are no valid events: the quarantine has them
}

// A line of a backup is one of these.
type line struct {
	Head     *Head    `json:"head,omitempty"`
	Endpoint *account `json:"endpoint,omitempty"`
	Event    *stored  `json:"event,omitempty"`
	End      *end     `json:"end,omitempty"`
}

// An account is an endpoint, as its record stands in the registry, and what the shard's state
// has of it beside deliveries.
type account struct {
	Record  json.RawMessage `json:"record"`
	Failing int64           `json:"failing,omitempty"` // since, unix ns
	Held    statelog.Hold   `json:"held,omitzero"`
	Spent   statelog.Spent  `json:"spent,omitzero"` // of its attempts_limit
}

// A stored event, where it lies and to whom it is owed.
type stored struct {
	Topic           string            `json:"topic"`
	Stored          time.Time         `json:"stored"`
	Mark            string            `json:"mark,omitempty"` // what intake has to know of it again
	Owed            []owed            `json:"owed,omitempty"`
	ID              string            `json:"id"`
	Source          string            `json:"source"`
	Type            string            `json:"type"`
	Subject         string            `json:"subject,omitempty"`
	Time            time.Time         `json:"time,omitzero"`
	DataContentType string            `json:"datacontenttype,omitempty"`
	DataSchema      string            `json:"dataschema,omitempty"`
	Extensions      []event.Extension `json:"extensions,omitempty"`
	Data            []byte            `json:"data,omitempty"`
}

// owed is a delivery that is due to an endpoint. Number is that of the attempt that it waits for;
// 0: it waits in no entry, and its endpoint is fed the event when its turn comes.
type owed struct {
	Endpoint string    `json:"endpoint"`
	Number   int       `json:"attempt,omitempty"`
	Due      time.Time `json:"due,omitzero"`
	Batch    string    `json:"batch,omitempty"`
	Created  time.Time `json:"created,omitzero"`
	Asked    bool      `json:"asked,omitempty"` // by an operator: at any age of the event
}

// end says that the file is whole.
type end struct {
	Summary
	SHA256 string `json:"sha256"` // of all lines before, as they are before gzip
}

func storedOf(m *bus.Message, to []owed) *stored {
	e := m.Event
	return &stored{
		Topic: m.Topic, Stored: m.Stored, Mark: m.Mark, Owed: to, ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Time: e.Time,
		DataContentType: e.DataContentType, DataSchema: e.DataSchema, Extensions: e.Extensions, Data: e.Data,
	}
}

func (s *stored) event() *event.Event {
	return &event.Event{
		ID: s.ID, Source: s.Source, Type: s.Type, Subject: s.Subject, Time: s.Time,
		DataContentType: s.DataContentType, DataSchema: s.DataSchema, Extensions: s.Extensions, Data: s.Data,
	}
}

// size is that of the attributes and the data, roughly.
func (s *stored) size() int64 {
	n := len(s.ID) + len(s.Source) + len(s.Type) + len(s.Subject) + len(s.DataContentType) + len(s.DataSchema) + len(s.Data)
	for i := range s.Extensions {
		n += len(s.Extensions[i].Name) + len(s.Extensions[i].Value)
	}
	return int64(n)
}

// count takes a line into what the backup holds.
func (s *Summary) count(l *line) {
	if l.Endpoint != nil {
		s.Endpoints++
	}
	e := l.Event
	if e == nil {
		return
	}
	size := e.size()
	s.Events++
	s.Deliveries += len(e.Owed)
	s.Bytes += size
	s.Largest = max(s.Largest, size)
	if s.Oldest.IsZero() || e.Stored.Before(s.Oldest) {
		s.Oldest = e.Stored
	}
	if e.Stored.After(s.Newest) {
		s.Newest = e.Stored
	}
}
