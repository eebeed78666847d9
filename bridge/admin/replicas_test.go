package admin_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
)

// A division of the shards among replicas, as one of them sees it.
type division struct{ owned []int }

const shardsInAll = 8

func (d *division) Owned() ([]int, int) { return d.owned, shardsInAll }

func twoReplicas(t *testing.T) (one, two *server, d *division) {
	t.Helper()
	sealer, err := endpoint.NewSealer(bytes.Repeat([]byte{1}, endpoint.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	store := endpointtest.New()
	d = &division{}
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
	two.logs.Fail(bus.ErrUnavailable)
	two.do("GET", "/v1/endpoints/none", "").problem(503, "unavailable")
	two.do("GET", "/v1/endpoints/crm", "").object(200)
}

// endpoints makes some in every shard and returns their ids by shard.
func endpoints(s *server) map[int][]string {
	made := map[int][]string{}
	for n := range 8 * shardsInAll {
		id := s.do("POST", "/v1/endpoints", fmt.Sprintf(`{"name":"e-%02d","url":"https://e.example/","signature":"none"}`, n)).object(201)["id"].(string)
		shard := delivery.ShardOf(id, shardsInAll)
		made[shard] = append(made[shard], id)
	}
	return made
}

// What is shown of a lane is its owner's word: this process's, or what another said last.
func TestLanesOfOthersAreShownAsTheirOwnersSay(t *testing.T) {
	t.Parallel()
	_, s, d := twoReplicas(t)
	made := endpoints(s)
	var shards []int
	for shard, ids := range made {
		if len(ids) > 1 {
			shards = append(shards, shard)
		}
	}
	if len(shards) < 2 {
		t.Fatalf("only the shards %v have two endpoints", shards)
	}
	mine, others, live := made[shards[0]][0], made[shards[1]][0], made[shards[1]][1]
	d.owned = []int{shards[0]}
	since := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	s.behind[mine] = &delivery.Behind{Since: since, Events: 1}
	s.behind[others] = &delivery.Behind{Since: since, Events: 2} // from when this replica owned it
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	s.index.Noted(delivery.Note{
		Endpoint: others, At: since.Add(time.Minute), Behind: &delivery.Behind{Since: since, Events: 3, About: true},
		Held: until, HeldBy: delivery.HeldByRetryAfter, Breaker: &delivery.Breaker{State: delivery.BreakerOpen, Since: since, NextProbe: until},
	})
	s.index.Noted(delivery.Note{Endpoint: others, At: since, Behind: &delivery.Behind{Since: since, Events: 9}}) // a late copy
	s.index.Noted(delivery.Note{Endpoint: mine, At: since, Behind: &delivery.Behind{Since: since, Events: 4}})
	s.index.Noted(delivery.Note{Endpoint: live, At: since, Behind: &delivery.Behind{Since: since, Events: 5}})
	s.index.Noted(delivery.Note{Endpoint: live, At: since.Add(time.Minute)})

	got := map[string]map[string]any{}
	for _, item := range s.do("GET", "/v1/endpoints?limit=1000", "").object(200)["items"].([]any) {
		e := item.(map[string]any)
		got[e["id"].(string)] = e
	}
	if b := got[mine]["behind"].(map[string]any); b["events"] != 1.0 || b["replica"] != nil || b["about"] != nil {
		t.Errorf("of an own shard: %v", b)
	}
	if b := got[others]["behind"].(map[string]any); b["events"] != 3.0 || b["replica"] != "other" || b["about"] != true {
		t.Errorf("of another replica's shard: %v", b)
	}
	if e := got[others]; e["held_until"] != until.Format(time.RFC3339) || e["held_by"] != "retry_after" {
		t.Errorf("held: %v %v", e["held_until"], e["held_by"])
	}
	if b := fmt.Sprint(got[others]["breaker"]); b != "map[next_probe:"+until.Format(time.RFC3339)+" since:2026-05-04T12:00:00Z state:open]" {
		t.Errorf("of another replica's breaker: %s", b)
	}
	if b := fmt.Sprint(got[mine]["breaker"], got[live]["breaker"]); b != "map[state:closed] map[state:closed]" {
		t.Errorf("of breakers that are closed: %s", b)
	}
	if e := got[live]; e["behind"] != nil || e["held_until"] != nil {
		t.Errorf("live on another replica: %v", e)
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

// What was due and waits for room is said by its owner; without a word it is taken to be under way.
func TestAnOverdueRetryOfAnotherReplicaWaitsForRoom(t *testing.T) {
	t.Parallel()
	_, s, _ := twoReplicas(t) // owns nothing
	id := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/","attempts_limit":"3/h"}`).object(201)["id"].(string)
	a := attempt("dlv_a", id, "")
	a.Next = a.Received.Add(time.Minute)
	s.index.Attempted(a)
	if got := s.do("GET", "/v1/deliveries/dlv_a", "").object(200); got["waits"] != "running" {
		t.Errorf("nothing was heard: %v", got)
	}
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	s.index.Noted(delivery.Note{Endpoint: id, At: time.Now(), Waits: delivery.WaitsLimited, Until: until})
	got := s.do("GET", "/v1/deliveries/dlv_a", "").object(200)
	if want := until.Format(time.RFC3339); got["waits"] != "limited" || got["until"] != want || got["next_attempt"] != want {
		t.Errorf("%v, want limited until %s", got, want)
	}
}
