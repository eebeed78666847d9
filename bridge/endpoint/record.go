package endpoint

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// format is the version of the records that this code writes. It reads no other yet.
const format = 1

// The kinds of records in the registry's log.
const (
	kindEndpoint = "endpoint"
	kindRemoval  = "removal"
	kindStarts   = "starts"
	kindBegin    = "begin"
	kindChunk    = "chunk"
	kindEnd      = "end"
)

// A record is one record of the registry's log; what is set depends on the kind.
type record struct {
	V    int    `json:"v"`
	Kind string `json:"kind"`

	Endpoint json.RawMessage `json:"endpoint,omitempty"` // endpoint: a written
	ID       string          `json:"id,omitempty"`       // removal

	Patterns  []string      `json:"patterns,omitempty"` // starts
	Positions bus.Positions `json:"positions,omitempty"`
	Shards    int           `json:"shards,omitempty"` // starts: of the installation, written once

	Begin   int64     `json:"begin,omitempty"`   // chunk and end: the record that began the snapshot
	Records []earlier `json:"records,omitempty"` // chunk: whole records as they were written
}

// An earlier record is carried by a snapshot byte for byte, with the position that it had.
type earlier struct {
	Revision int64           `json:"revision"`
	Record   json.RawMessage `json:"record"`
}

func decodeRecord(r bus.Record) (record, error) {
	var rec record
	if err := json.Unmarshal(r.Data, &rec); err != nil {
		return record{}, fmt.Errorf("registry record %d is not readable: %w", r.Pos, err)
	}
	if rec.V > format {
		return record{}, fmt.Errorf("registry record %d has format %d, this version reads %d: %w", r.Pos, rec.V, format, bus.ErrNewerFormat)
	}
	if rec.V < 1 {
		return record{}, fmt.Errorf("registry record %d has no format version", r.Pos)
	}
	return rec, nil
}

// A written endpoint is what a record holds. Of an endpoint that is managed elsewhere only
// what must outlive a restart is there: no settings and no secrets, those stay with the
// environment or the file.
type written struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	ManagedBy string    `json:"managed_by"`
	Start     string    `json:"start"`
	State     State     `json:"state"`
	Reason    string    `json:"reason,omitzero"`
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`
	Items     []Item    `json:"items"`
	Sealed    *Sealed   `json:"sealed,omitzero"` // a secrets
	settings
}

// settings of an endpoint made by the API. Which events it takes is its newest item's.
type settings struct {
	URL          string            `json:"url,omitzero"`
	Signature    string            `json:"signature,omitzero"`
	Content      string            `json:"content,omitzero"`
	Options      map[string]string `json:"options,omitempty"`
	Schedule     []time.Duration   `json:"schedule,omitempty"`
	Jitter       float64           `json:"jitter,omitzero"`
	Timeout      time.Duration     `json:"timeout,omitzero"`
	PerSecond    float64           `json:"per_second,omitzero"`
	Burst        int               `json:"burst,omitzero"`
	Concurrency  int               `json:"concurrency,omitzero"`
	DisableAfter time.Duration     `json:"disable_after,omitzero"`
}

// secrets are what only a sealed record holds: header values may be credentials too.
type secrets struct {
	Secrets []string `json:"secrets,omitempty"`
	Encrypt string   `json:"encrypt,omitempty"`
	Headers []Header `json:"headers,omitempty"`
}

func (s secrets) none() bool { return len(s.Secrets) == 0 && s.Encrypt == "" && len(s.Headers) == 0 }

// encodeEndpoint makes the record of an endpoint, its secrets sealed.
func encodeEndpoint(e *Endpoint, sealer *Sealer) ([]byte, error) {
	w := written{
		ID: e.ID, Name: e.Name, ManagedBy: e.ManagedBy, Start: e.Start, State: e.State, Reason: e.Reason,
		Created: e.Created, Updated: e.Updated, Items: e.Items,
	}
	if !e.Managed() {
		w.settings = settings{
			URL: e.URL, Signature: e.Signature, Content: e.Content, Options: e.Options, Schedule: e.Schedule,
			Jitter: e.Jitter, Timeout: e.Timeout, PerSecond: e.Rate.PerSecond, Burst: e.Rate.Burst,
			Concurrency: e.Concurrency, DisableAfter: e.DisableAfter,
		}
		sealed, err := sealSecrets(e, sealer)
		if err != nil {
			return nil, err
		}
		w.Sealed = sealed
	}
	raw, err := encodeCarrying(w, e.unknown)
	if err != nil {
		return nil, fmt.Errorf("encode endpoint %s: %w", e.Name, err)
	}
	return json.Marshal(record{V: format, Kind: kindEndpoint, Endpoint: raw})
}

func sealSecrets(e *Endpoint, sealer *Sealer) (*Sealed, error) {
	if e.locked != nil { // never opened here, so never changed: carried on as it is
		return e.locked, nil
	}
	s := secrets{Secrets: e.Secrets, Encrypt: e.EncryptSecret, Headers: e.Headers}
	if s.none() {
		return nil, nil
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode secrets of endpoint %s: %w", e.Name, err)
	}
	sealed, err := sealer.Seal(e.ID, plain)
	if err != nil {
		return nil, fmt.Errorf("seal secrets of endpoint %s: %w", e.Name, err)
	}
	return &sealed, nil
}

// decodeEndpoint reads a record's endpoint. Secrets that cannot be opened are no error here:
// the endpoint comes back locked, with the reason beside it.
func decodeEndpoint(raw json.RawMessage, revision int64, sealer *Sealer) (e *Endpoint, locked error, err error) {
	var w written
	unknown, err := decodeCarrying(raw, &w)
	if err != nil {
		return nil, nil, fmt.Errorf("endpoint of registry record %d: %w", revision, err)
	}
	e = &Endpoint{
		ID: w.ID, Name: w.Name, ManagedBy: w.ManagedBy, Start: w.Start, State: w.State, Reason: w.Reason,
		Created: w.Created, Updated: w.Updated, Items: w.Items, Revision: revision, unknown: unknown,
	}
	for i := range e.Items {
		if e.Items[i].Revision == bus.NoPosition {
			e.Items[i].Revision = revision
		}
	}
	if n := len(e.Items); n > 0 {
		e.Events, e.Topics, e.Active = e.Items[n-1].Events, e.Items[n-1].Topics, e.Items[n-1].Active
	}
	if err := e.compile(); err != nil {
		return nil, nil, fmt.Errorf("endpoint %s of registry record %d: %w", e.Name, revision, err)
	}
	s := w.settings
	e.URL, e.Signature, e.Content, e.Options, e.Schedule = s.URL, s.Signature, s.Content, s.Options, s.Schedule
	e.Jitter, e.Timeout, e.Concurrency, e.DisableAfter = s.Jitter, s.Timeout, s.Concurrency, s.DisableAfter
	e.Rate = Rate{PerSecond: s.PerSecond, Burst: s.Burst}
	if w.Sealed != nil {
		locked = e.open(*w.Sealed, sealer)
	}
	return e, locked, nil
}

func (e *Endpoint) open(sealed Sealed, sealer *Sealer) error {
	plain, err := sealer.Open(e.ID, sealed)
	if err != nil {
		e.locked = &sealed
		return fmt.Errorf("endpoint %s: %w", e.Name, err)
	}
	e.sealedBy = sealed.Key
	var s secrets
	if err := json.Unmarshal(plain, &s); err != nil {
		e.locked = &sealed
		return fmt.Errorf("endpoint %s: what was sealed is not readable", e.Name)
	}
	e.Secrets, e.EncryptSecret, e.Headers = s.Secrets, s.Encrypt, s.Headers
	return nil
}
