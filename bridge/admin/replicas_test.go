package admin_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

// A division of the shards among replicas, as one of them sees it.
type division struct {
	owned, asked []int
	last         map[string]*dispatch.Behind // by endpoint, as the logs of the others' shards have it
	unreadable   []int                       // shards whose log cannot be read
}

const shardsInAll = 8

func (d *division) Owned() ([]int, int) { return d.owned, shardsInAll }

func (d *division) LastBehind(_ context.Context, id string) (*dispatch.Behind, error) {
	shard := dispatch.ShardOf(id, shardsInAll)
	d.asked = append(d.asked, shard)
	if slices.Contains(d.unreadable, shard) {
		return nil, fmt.Errorf("canary: %w", bus.ErrUnavailable)
	}
	return d.last[id], nil
}

func twoReplicas(t *testing.T) (one, two *server, d *division) {
	t.Helper()
	sealer, err := endpoint.NewSealer(bytes.Repeat([]byte{1}, endpoint.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	store := endpointtest.New()
	d = &division{last: map[string]*dispatch.Behind{}}
	one = newReplica(t, store, sealer, nil)
	return one, newReplica(t, store, sealer, func(o *admin.Options) { o.Shards = d }), d
}

func TestWhatAnotherReplicaMadeIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	one, two, _ := twoReplicas(t)
	id := one.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"]
	if got := two.do("GET", "/v1/endpoints/crm", "").object(200)["id"]; got != id {
		t.Errorf("the other replica finds %v, want %v", got, id)
	}
	two.do("GET", "/v1/endpoints/none", "").problem(404, "not_found")
	two.store.Fail(bus.ErrUnavailable)
	two.do("GET", "/v1/endpoints/none", "").problem(503, "unavailable")
	two.do("GET", "/v1/endpoints/crm", "").object(200)
}

// endpoints makes some in every shard and returns their ids by shard.
func endpoints(s *server) map[int][]string {
	made := map[int][]string{}
	for n := range 8 * shardsInAll {
		id := s.do("POST", "/v1/endpoints", fmt.Sprintf(`{"name":"e-%02d","url":"https://e.example/","signature":"none"}`, n)).object(201)["id"].(string)
		shard := dispatch.ShardOf(id, shardsInAll)
		made[shard] = append(made[shard], id)
	}
	return made
}

func TestBehindIsNotGuessedForShardsOfOthers(t *testing.T) {
	t.Parallel()
	_, s, d := twoReplicas(t)
	made := endpoints(s)
	var shards []int
	for shard, ids := range made {
		if len(ids) > 1 {
			shards = append(shards, shard)
		}
	}
	if len(shards) < 3 {
		t.Fatalf("only the shards %v have two endpoints", shards)
	}
	mine, others, broken := made[shards[0]][0], made[shards[1]][0], made[shards[2]][0]
	d.owned, d.unreadable = []int{shards[0]}, []int{shards[2]}
	since := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	s.behind[mine] = &dispatch.Behind{Since: since, Events: 1}
	s.behind[others] = &dispatch.Behind{Since: since, Events: 2} // from when this replica owned it
	d.last[others] = &dispatch.Behind{Since: since, Events: 3}
	d.last[mine] = &dispatch.Behind{Since: since, Events: 4}

	got := map[string]map[string]any{}
	d.asked = nil
	for _, item := range s.do("GET", "/v1/endpoints?limit=1000", "").object(200)["items"].([]any) {
		e := item.(map[string]any)
		b, _ := e["behind"].(map[string]any)
		got[e["id"].(string)] = b
	}
	if b := got[mine]; b["events"] != 1.0 || b["replica"] != nil {
		t.Errorf("of an own shard: %v", b)
	}
	if b := got[others]; b["events"] != 3.0 || b["replica"] != "other" {
		t.Errorf("of another replica's shard: %v", b)
	}
	for _, id := range made[shards[2]] {
		if b := got[id]; b["unknown"] == nil || b["events"] != nil {
			t.Errorf("of a shard whose log cannot be read: %v", b)
		}
	}
	asked := 0
	for _, shard := range d.asked {
		if shard == shards[2] {
			asked++
		}
	}
	if asked != 1 || slices.Contains(d.asked, shards[0]) {
		t.Errorf("an unreadable log was asked %d times; asked: %v", asked, d.asked)
	}
	if b := got[made[shards[1]][1]]; b != nil {
		t.Errorf("live on another replica: %v", b)
	}
	if res := s.do("GET", "/v1/endpoints/"+broken, ""); strings.Contains(res.body, "canary") {
		t.Errorf("the answer tells the error: %s", res.body)
	}

	for _, item := range s.do("GET", "/v1/deliveries?event=evt-new", "").object(200)["behind"].([]any) {
		b := item.(map[string]any)
		delete(got, b["endpoint"].(string))
		if b["unknown"] == nil && b["events"] != 1.0 && b["events"] != 3.0 {
			t.Errorf("not reached: %v", b)
		}
	}
	for id, b := range got {
		if b != nil {
			t.Errorf("%s is behind and not among those that have not reached the event", id)
		}
	}
}

func TestStatsSayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	one, two, d := twoReplicas(t)
	d.owned = []int{1, 5}
	if got := two.do("GET", "/v1/stats", "").object(200); fmt.Sprint(got["owned"], got["shards"]) != "[1 5] 8" {
		t.Errorf("of a replica: %v", got)
	}
	if got := one.do("GET", "/v1/stats", "").object(200); got["owned"] != nil || got["shards"] != nil {
		t.Errorf("of a process alone: %v", got)
	}
}

// The command is for whoever owns the delivery's shard, so any replica can give it.
func TestADeliveryOfAnotherReplicaIsRetried(t *testing.T) {
	t.Parallel()
	_, s, _ := twoReplicas(t) // owns nothing
	id := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/"}`).object(201)["id"].(string)
	s.index.Attempted(attempt("dlv_a", id, ""))
	s.do("POST", "/v1/deliveries/dlv_a/retry", "").object(202)
	if len(s.commands) != 1 || s.commands[0].Entry.ID != "dlv_a" || s.commands[0].Entry.Number != 2 {
		t.Errorf("commands: %+v", s.commands)
	}
}
