package endpoint

import (
	"encoding/json"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/filter"
)

// An Endpoint is a registered receiver of events. Values are shared and never changed;
// an edit makes a new one (Clone).
type Endpoint struct {
	ID   string
	Name string
	Settings

	OldSecrets []OldSecret // sign until their time; see Rotate

	ManagedBy string // ByEnvironment, ByFile or ByAPI
	State     State
	Reason    string // why it is not enabled
	Created   time.Time
	Updated   time.Time

	Periods  []Period // membership, newest last; see protocol: Membership
	Consent  *Consent // to the handshake; nil: none yet
	Revision int64    // registry position of the record that this value came from

	rules         []rule                     // of Periods, compiled
	looksInside   bool                       // some of their filters do
	unknown       map[string]json.RawMessage // fields of the record that this version does not know
	unknownSealed map[string]json.RawMessage // the same of what was sealed
	sealed        *Sealed                    // as it lies on the bus, where it goes on so; see carrySealed
	sealKey       string                     // that seals it anew; "" or one that is not given here: the newest
	locked        bool                       // no key given here opens it
	unread        bool                       // nor has it been opened here before
}

// Who defines an endpoint. Only those made by the API can be changed by it.
const (
	ByEnvironment = "env"
	ByFile        = "file"
	ByAPI         = "api"
)

// State is a closed set: what an endpoint is doing.
type State string

const (
	Enabled  State = "enabled"
	Disabled State = "disabled" // after 410 or disable_after; events are kept
	Paused   State = "paused"   // by an operator; events are kept
	Removed  State = "removed"  // no replica has it in its environment or file any more
)

// A Period of membership lasts from (exclusive) its From on, until the next period's
// From, the events that Takes accepts are for the endpoint.
type Period struct {
	From    bus.Positions `json:"from"` // a partition not named: from its first event
	Events  []string      `json:"events"`
	Topics  []string      `json:"topics,omitempty"`
	Filters filter.List   `json:"filters,omitzero"`
	Active  bool          `json:"active"`
	Tenant  string        `json:"tenant,omitempty"`  // whose events; "": see Tenants
	Tenants string        `json:"tenants,omitempty"` // TenantsNone, or "" for all
	// TenantRule is what says whose an event is; "" where that does not matter.
	TenantRule string `json:"tenant_rule,omitempty"`
	Revision   int64  `json:"revision"` // of the record that brought it; NoPosition until it is read

	unknown map[string]json.RawMessage // fields that this version does not know
}

// Clone returns a copy whose fields may be set. Slices and maps are still shared: replace
// them, never write into them.
func (e *Endpoint) Clone() *Endpoint {
	c := *e
	return &c
}

// Managed reports whether the environment or the file defines the endpoint.
func (e *Endpoint) Managed() bool { return e.ManagedBy == ByEnvironment || e.ManagedBy == ByFile }
