package admin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
)

func TestAReplayIsBegunAndSteered(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	crm := s.do("POST", "/v1/endpoints", `{"name":"crm","url":"https://crm.example/","events":["com.acme.*"]}`).object(201)["id"].(string)
	other := s.do("POST", "/v1/endpoints", `{"name":"other","url":"https://other.example/"}`).object(201)["id"].(string)
	for n := range 30 {
		e := dispatchtest.Event(n, []string{"com.acme.order", "com.other"}[n%2])
		s.stored = append(s.stored, bus.Message{Topic: "hookspan.events.shop", Partition: "EVENTS", Position: bus.Position{Identity: "one", Seq: int64(n + 1)}, Event: &e})
	}
	for n := range 12 {
		s.index.Attempted(attempt(fmt.Sprint("dlv_", n), crm, []delivery.Outcome{delivery.Failed, delivery.Delivered, ""}[n%3]))
	}

	dry := s.do("POST", "/v1/replays", `{"endpoint":"crm","from":"all","dry_run":true}`).object(200)
	if dry["matched"] != 15.0 || dry["state"] != "done" || dry["dry_run"] != true || len(dry["sample"].([]any)) != 10 || len(s.commands) != 0 {
		t.Errorf("a dry run says %v", dry)
	}
	if again := s.do("GET", "/v1/replays/"+dry["id"].(string), "").object(200); again["matched"] != 15.0 {
		t.Errorf("looked up it says %v", again)
	}
	s.do("POST", "/v1/replays/"+dry["id"].(string)+"/pause", "").problem(409, "conflict")
	if got := s.do("POST", "/v1/replays?dry_run=true", `{"endpoint":"crm","from":"all","filters":[{"exact":{"type":"com.other"}}]}`).object(200); got["matched"] != 15.0 || fmt.Sprint(got["filters"]) != "[map[exact:map[type:com.other]]]" {
		t.Errorf("by its own filter it says %v", got)
	}

	began := s.do("POST", "/v1/replays", `{"endpoint":"crm","from":"2026-05-01T00:00:00Z","until":"2026-05-02T00:00:00Z","rate":"50/s","new_id":true}`).object(202)
	c := s.commands[0]
	if began["state"] != "running" || c.Kind != delivery.StartReplay || c.Replay.ID != began["id"] || c.Replay.Endpoint != crm || c.Replay.Rate != "50/s" || !c.Replay.NewID || c.Replay.Stretches["EVENTS"].To.Seq != 30 || c.Replay.Topic != "" || len(c.Entries) != 0 {
		t.Errorf("answered %v, command %+v", began, c.Replay)
	}
	s.do("GET", "/v1/replays/"+began["id"].(string), "").object(200) // its owner has not been heard of
	if c := s.begun(`{"endpoint":"crm","from":{"topic":"hookspan.events.shop","position":7}}`); c.Replay.Topic != "hookspan.events.shop" {
		t.Errorf("of one topic: %+v", c.Replay)
	}
	if c := s.begun(`{"endpoint":"crm","from":{"topic":"EVENTS","position":7}}`); c.Replay.Topic != "" {
		t.Errorf("of a partition: %+v", c.Replay)
	}

	c = s.begun(`{"endpoint":"other","query":{"endpoint":"crm","status":"failed"}}`)
	if c.Replay.Listed != 4 || len(c.Entries) != 4 || c.Replay.Endpoint != other {
		t.Fatalf("listed are %d of %d for %s", len(c.Entries), c.Replay.Listed, c.Replay.Endpoint)
	}
	ids := map[string]bool{}
	for _, e := range c.Entries {
		if ids[e.ID] = true; e.Endpoint != other || e.Replay != c.Replay.ID || e.Number != 1 || e.Event.Partition != "EVENTS" {
			t.Errorf("listed is %+v", e)
		}
	}
	if len(ids) != 4 {
		t.Errorf("%d ids, want one each", len(ids))
	}
	if c := s.begun(`{"query":{"endpoint":"crm"}}`); c.Replay.Listed != 8 || c.Replay.Endpoint != crm {
		t.Errorf("without a status %d are listed for %s, want what has ended", c.Replay.Listed, c.Replay.Endpoint)
	}
	if c := s.begun(`{"delivery":"dlv_3"}`); c.Replay.Listed != 1 || c.Replay.Endpoint != crm || c.Entries[0].Event.ID != "evt-dlv_3" {
		t.Errorf("of one delivery: %+v", c)
	}

	for body, want := range map[string]string{
		`{}`:                                    "[]",
		`{"endpoint":"crm"}`:                    "[]",
		`{"from":"all"}`:                        "[endpoint]",
		`{"endpoint":"nobody","from":"all"}`:    "[endpoint]",
		`{"endpoint":"crm","from":"yesterday"}`: "[from]",
		`{"endpoint":"crm","from":{"topic":"nowhere","position":1}}`:                                       "[from]",
		`{"endpoint":"crm","from":{"topic":"x"}}`:                                                          "[from]",
		`{"endpoint":"crm","from":"2026-05-02T00:00:00Z","until":"2026-05-01T00:00:00Z"}`:                  "[until]",
		`{"endpoint":"crm","from":"all","delivery":"dlv_1"}`:                                               "[]",
		`{"endpoint":"crm","query":{"status":"lost","colour":"red"}}`:                                      "[query.colour query.status]",
		`{"endpoint":"crm","query":{"status":"failed"},"filters":[]}`:                                      "[filters]",
		`{"endpoint":"crm","from":"all","rate":"fast","filters":[{"exact":{}}],"new_id":1,"colour":"red"}`: "[colour filters[0].exact new_id rate]",
	} {
		if got := s.do("POST", "/v1/replays", body).problem(422, "invalid"); fmt.Sprint(got) != want {
			t.Errorf("%s is refused for %v, want %s", body, got, want)
		}
	}
	s.do("POST", "/v1/replays", `{"delivery":"none"}`).problem(404, "not_found")

	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for n, state := range []delivery.ReplayState{delivery.ReplayRunning, delivery.ReplayPaused, delivery.ReplayDone} {
		st := delivery.ReplayStanding{State: state, Matched: 10, Sent: 7, Failed: 1, Left: 100}
		st.ID, st.Endpoint, st.Created = fmt.Sprint("rpl_", n), crm, at.Add(time.Duration(n)*time.Hour)
		s.replays = append(s.replays, st)
	}
	for query, want := range map[string]string{"": "rpl_2 rpl_1 rpl_0", "?state=running": "rpl_0", "?endpoint=other": "", "?endpoint=crm&limit=1": "rpl_2"} {
		if got := s.ids("/v1/replays" + query); got != want {
			t.Errorf("%q lists %q, want %q", query, got, want)
		}
	}
	first := s.do("GET", "/v1/replays?limit=1", "").object(200)["next"].(string)
	if got := s.ids("/v1/replays?limit=1&cursor=" + first); got != "rpl_1" {
		t.Errorf("behind rpl_2 is %q", got)
	}
	s.do("GET", "/v1/replays?state=lost", "").problem(422, "invalid")
	for verb, kind := range map[string]delivery.CommandKind{"pause": delivery.PauseReplay, "resume": delivery.ResumeReplay, "cancel": delivery.CancelReplay} {
		s.commands = nil
		s.do("POST", "/v1/replays/rpl_0/"+verb, "").object(202)
		if c := s.commands[0]; c.Kind != kind || c.Entry.Endpoint != crm || c.Entry.Replay != "rpl_0" {
			t.Errorf("%s: command %+v", verb, c)
		}
	}
	s.do("POST", "/v1/replays/rpl_2/cancel", "").problem(409, "conflict")
	s.do("POST", "/v1/replays/none/cancel", "").problem(404, "not_found")
}

// begun asks for a replay and returns the command.
func (s *server) begun(body string) delivery.Command {
	s.t.Helper()
	s.commands = nil
	s.do("POST", "/v1/replays", body).object(202)
	return s.commands[0]
}
