package admin

import (
	"net/http"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/journal"
)

// statsView is what an overview shows of this process: what waits in the shards that it owns,
// and the deliveries that it ended since it began. Endpoints are all there are.
type statsView struct {
	Pending              map[string]int64         `json:"pending"` // by reason
	OldestPendingSeconds float64                  `json:"oldest_pending_seconds"`
	LagEvents            int64                    `json:"lag_events"`
	ShardsOwned          int                      `json:"shards_owned"`
	Owned                []int                    `json:"owned,omitempty"`  // which shards, where replicas share them
	Shards               int                      `json:"shards,omitempty"` // of all replicas
	Deliveries           map[journal.Status]int64 `json:"deliveries"`
	Endpoints            map[endpoint.State]int   `json:"endpoints"`
}

func (a *api) stats(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err(); err != nil {
		return err
	}
	s := a.Outbound.Stats()
	v := statsView{
		Pending: s.Pending, OldestPendingSeconds: s.Oldest.Seconds(), LagEvents: s.Lag, ShardsOwned: s.Shards,
		Deliveries: a.Deliveries.Ended(),
		Endpoints:  map[endpoint.State]int{endpoint.Enabled: 0, endpoint.Disabled: 0, endpoint.Paused: 0, endpoint.Removed: 0},
	}
	if a.Shards != nil {
		v.Owned, v.Shards = a.Shards.Owned()
	}
	for _, e := range a.Registry.Set().All() {
		v.Endpoints[e.State]++
	}
	return write(w, http.StatusOK, v)
}
