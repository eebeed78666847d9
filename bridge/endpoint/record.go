package endpoint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/setting"
)

// The versions of the records that this code writes, each as the lowest one that says all: an
// earlier version of the program refuses what it would take for less than it is.
const (
	format       = 1
	formatBounds = 2 // tenants, filters, a proxy or a handshake: without them more would be sent, or otherwise
	formatShapes = 3 // a transform, or filters by jq
	formatNewest = formatShapes
)

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
	if rec.V > formatNewest {
		return record{}, fmt.Errorf("registry record %d has format %d, this version reads %d: %w", r.Pos, rec.V, formatNewest, bus.ErrNewerFormat)
	}
	if rec.V < 1 {
		return record{}, fmt.Errorf("registry record %d has no format version", r.Pos)
	}
	return rec, nil
}

// A written endpoint is what a record holds. Of an endpoint that is managed elsewhere only
// what must outlive a restart is there: no settings and no secrets, those stay with the
// environment or the file. Beside these are the settings, each under its own name: see Settings.
type written struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	ManagedBy string    `json:"managed_by"`
	Start     Start     `json:"start"`
	State     State     `json:"state"`
	Reason    string    `json:"reason,omitzero"`
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`
	Periods   []Period  `json:"items"` // the newest says which events it takes
	Consent   *Consent  `json:"consent,omitzero"`
	Sealed    *Sealed   `json:"sealed,omitzero"` // the settings that are secret: header values may be credentials too
	Rate                // as per_second and burst

	// The waits of the schedule, as all versions read them, and the rule that they follow.
	Schedule setting.Durations `json:"schedule,omitempty"`
	Rule     string            `json:"schedule_rule,omitzero"`
}

// encodeEndpoint makes the record of an endpoint, its secrets sealed.
func encodeEndpoint(e *Endpoint, sealer *Sealer) ([]byte, error) {
	w := written{
		ID: e.ID, Name: e.Name, ManagedBy: e.ManagedBy, Start: e.Start, State: e.State, Reason: e.Reason,
		Created: e.Created, Updated: e.Updated, Periods: e.Periods, Consent: e.Consent,
	}
	members := map[string]json.RawMessage{}
	if !e.Managed() {
		var err error
		if members, err = Fields().Encode(&e.Settings, false); err != nil {
			return nil, fmt.Errorf("endpoint %s: %w", e.Name, err)
		}
		if w.Sealed, err = sealSecrets(e, sealer); err != nil {
			return nil, err
		}
		if w.Rate = e.Rate; w.PerSecond > 0 {
			w.Burst = max(w.Burst, 1) // as all versions read it
		}
		w.Schedule, w.Rule = e.Schedule.Waits(), e.Schedule.rule
	}
	maps.Copy(members, e.unknown)
	raw, err := encodeCarrying(w, members)
	if err != nil {
		return nil, fmt.Errorf("encode endpoint %s: %w", e.Name, err)
	}
	return json.Marshal(record{V: formatOf(e), Kind: kindEndpoint, Endpoint: raw})
}

// formatOf is the version that an endpoint's record needs.
func formatOf(e *Endpoint) int {
	if !e.Transform.IsZero() || slices.ContainsFunc(e.Periods, func(it Period) bool { return it.Filters.LooksInside() }) {
		return formatShapes
	}
	if e.Handshake || e.Proxy != "" || slices.ContainsFunc(e.Periods, func(it Period) bool { return !it.ByKindAlone() }) {
		return formatBounds
	}
	return format
}

func sealSecrets(e *Endpoint, sealer *Sealer) (*Sealed, error) {
	if e.sealed != nil {
		return e.sealed, nil
	}
	members, err := Fields().Encode(&e.Settings, true)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", e.Name, err)
	}
	if err := e.encodeOldSecrets(members); err != nil {
		return nil, fmt.Errorf("encode secrets of endpoint %s: %w", e.Name, err)
	}
	maps.Copy(members, e.unknownSealed)
	if len(members) == 0 {
		return nil, nil
	}
	plain, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("encode secrets of endpoint %s: %w", e.Name, err)
	}
	sealed, err := sealer.sealWith(e.sealKey, e.ID, plain)
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
		ID: w.ID, Name: w.Name, ManagedBy: w.ManagedBy, State: w.State, Reason: w.Reason,
		Created: w.Created, Updated: w.Updated, Periods: w.Periods, Consent: w.Consent, Revision: revision, unknown: unknown,
	}
	if !e.Managed() {
		if err := Fields().Decode(&e.Settings, unknown, false); err != nil {
			return nil, nil, fmt.Errorf("endpoint %s of registry record %d: %w", e.Name, revision, err)
		}
	}
	e.Start = w.Start
	if e.Rate = w.Rate; e.Rate.Burst == 1 {
		e.Rate.Burst = 0 // evenly spaced
	}
	e.Schedule = scheduleOf(w.Schedule, w.Rule)
	for i := range e.Periods {
		if e.Periods[i].Revision == bus.NoPosition {
			e.Periods[i].Revision = revision
		}
	}
	e.readMembership()
	if err := e.compile(); err != nil {
		return nil, nil, fmt.Errorf("endpoint %s of registry record %d: %w", e.Name, revision, err)
	}
	if w.Sealed != nil {
		locked = e.open(*w.Sealed, sealer)
	}
	return e, locked, nil
}

func (e *Endpoint) open(sealed Sealed, sealer *Sealer) error {
	e.sealed = &sealed
	plain, err := sealer.Open(e.ID, sealed)
	if err != nil {
		e.locked, e.unread = true, true
		return fmt.Errorf("endpoint %s: %w", e.Name, err)
	}
	var members map[string]json.RawMessage
	if err = json.Unmarshal(plain, &members); err == nil {
		err = Fields().Decode(&e.Settings, members, true)
	}
	if err == nil {
		err = e.decodeOldSecrets(members)
	}
	if err != nil {
		e.locked, e.unread = true, true
		return fmt.Errorf("endpoint %s: what was sealed is not readable", e.Name)
	}
	e.unknownSealed = members
	return nil
}
