package delivery

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
)

// FuzzAttempts: what is appended by hand is what encoding/json would write, and comes back.
func FuzzAttempts(f *testing.F) {
	f.Add("dlv_1", "ep_1", "evt-1", "/sources/shop", "com.shop.paid", "", "orders", int64(7), int64(9), 1, 200, "", "", int64(0))
	f.Add("d", "e", "A: b\nC: d\n", "s", "t", "AP8=", "127.0.0.1:1", int64(3), int64(0), 2, 500, "status", "\nE: \"f\"\n\n", int64(1e18))
	f.Add("d\"\\", "e\x00", "\u2028", "<a&b>", "ü\xff", "s", "", int64(-1), int64(0), 0, 0, "timeout", "line\nline", int64(1e18))
	f.Fuzz(func(t *testing.T, d, e, id, source, typ, subject, topic string, seq, mark int64, number, status int, reason, body string, sent int64) {
		a := Attempt{
			Delivery: d, Endpoint: e, Number: number, Status: status, Reason: Reason(reason), Response: body, Detail: body,
			Event: EventRef{
				ID: id, Source: source, Type: typ, Subject: subject, Tenant: body, Topic: topic, Partition: bus.Partition(topic),
				Position: bus.Position{Identity: source, Seq: seq, Mark: mark},
			},
			Batch: subject, Outcome: Outcome(reason), Ended: Ended(reason),
		}
		if sent != 0 {
			at := time.Unix(0, sent).UTC()
			a.Life, a.Event.Report = &Life{Stored: sent, Expiry: seq}, true
			a.Hold, a.HoldAt = at, subject
			a.Sent, a.Received, a.Next = at, at.Add(time.Second), at.Add(time.Hour)
			a.Wait, a.Binary, a.Address = Micros(sent), subject, topic
			a.Phases = Phases{DNS: Micros(seq), Connect: Micros(mark), FirstByte: Micros(number)}
			a.Request, a.Headers = Headers(id), Headers(body)
		}
		want, err := json.Marshal(a)
		if err != nil {
			return // a time that JSON has no form for
		}
		if got := appendAttempt(nil, &a); string(got) != string(want) {
			t.Fatalf("by hand:\n%s\nby encoding/json:\n%s", got, want)
		}
		if err := GlanceAttempts(batchOf(a), func(received time.Time, ended bool) {
			if !received.Equal(a.Received) || ended != (a.Outcome != "") {
				t.Fatalf("received %v, ended %v: %s", received, ended, want)
			}
		}); err != nil {
			t.Fatal(err)
		}
		var back []Attempt
		if err := DecodeAttempts(batchOf(a, a), func(x Attempt) error { back = append(back, x); return nil }); err != nil {
			t.Fatal(err)
		}
		var clean Attempt // JSON replaces what is not UTF-8
		if err := json.Unmarshal(want, &clean); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Attempt{clean, clean}, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func batchOf(attempts ...Attempt) []byte {
	b := NewBatch(len(attempts))
	for i := range attempts {
		b = AppendAttempt(b, &attempts[i])
	}
	return b
}

func TestDecodeAttemptsRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data  string
		newer bool
	}{
		"nothing":         {"", false},
		"no version":      {"{}\n", false},
		"a newer version": {"v2\n{}\n", true},
		"half a record":   {"v1\n{\"d\":\n", false},
	} {
		err := DecodeAttempts([]byte(c.data), func(Attempt) error { return nil })
		if err == nil || errors.Is(err, bus.ErrNewerFormat) != c.newer {
			t.Errorf("%s: error %v", name, err)
		}
	}
	stop := errors.New("stop")
	err := DecodeAttempts(batchOf(make([]Attempt, 3)...), func(Attempt) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("error %v, want the reader's own", err)
	}
}

func TestLongRecordComesBack(t *testing.T) {
	t.Parallel()
	a := Attempt{Response: strings.Repeat("x", 1<<20)}
	n := 0
	err := DecodeAttempts(batchOf(a), func(x Attempt) error { n = len(x.Response); return nil })
	if err != nil || n != 1<<20 {
		t.Errorf("%d bytes, error %v", n, err)
	}
}

// The id of a delivery is in journals, dead letters and the hands of users: it must not change.
func TestIdsAreStable(t *testing.T) {
	t.Parallel()
	ref := EventRef{ID: "evt-1", Source: "/sources/shop", Type: "com.shop.paid", Partition: "EVENTS", Position: bus.Position{Identity: "17", Seq: 42, Mark: 1700000000}}
	id := ID("ep_1", &ref)
	if want := "dlv_kljrdlmbrads5wrzf3ouhb5mc4"; id != want {
		t.Errorf("delivery %s, want %s", id, want)
	}
	other := ref
	other.Type, other.Subject = "another", "text"
	if ID("ep_1", &other) != id {
		t.Error("the id depends on more than endpoint, place, source and event id")
	}
	for name, change := range map[string]func(*EventRef){
		"event":     func(e *EventRef) { e.ID = "evt-2" },
		"source":    func(e *EventRef) { e.Source = "/sources/billing" },
		"partition": func(e *EventRef) { e.Partition = "ORDERS" },
		"identity":  func(e *EventRef) { e.Identity = "18" },
		"sequence":  func(e *EventRef) { e.Seq = 43 },
		"mark":      func(e *EventRef) { e.Mark++ },
	} {
		other := ref
		change(&other)
		if ID("ep_1", &other) == id {
			t.Errorf("another %s has the same id", name)
		}
	}
	if ID("ep_2", &ref) == id {
		t.Error("another endpoint has the same id")
	}
	batch := BatchID("dlv_a", "dlv_b")
	if want := "bat_"; !strings.HasPrefix(batch, want) || batch == BatchID("dlv_b", "dlv_a") {
		t.Errorf("batch %s: its id is not that of its members in order", batch)
	}
	if s := ShardOf("ep_1", 32); s != 4 {
		t.Errorf("shard %d, want 4", s)
	}
}
