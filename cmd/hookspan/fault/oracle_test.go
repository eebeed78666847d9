package fault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// An oracle that sees nothing wrong is worth as much as its eye for what is.
func TestOracleSees(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	key, sum := fault.Key{Source: "/sources/shop", ID: "1"}, fault.Sum{1}
	arrival := func(ms int) fault.Arrival {
		return fault.Arrival{Endpoint: "crm", Key: key, Sum: sum, WebhookID: "msg_1", Delivery: "dlv_1", At: at(ms), Connected: at(ms - 1)}
	}
	arrives := func(ms int, change func(*fault.Arrival)) func(*fault.Oracle) {
		a := arrival(ms)
		change(&a)
		return func(o *fault.Oracle) { o.Arrived(a) }
	}
	as := func(*fault.Arrival) {}
	accepted := func(o *fault.Oracle) {
		o.Owe("crm", at(0))
		o.Sending(key, sum, at(1))
		o.Accepted(key, at(2))
	}
	killed := func(ms int) func(*fault.Oracle) {
		return func(o *fault.Oracle) { o.Killed(at(ms), at(ms+1)) }
	}
	one := fault.Verdict{Accepted: 1, Owed: 1}
	for name, c := range map[string]struct {
		story []func(*fault.Oracle)
		want  fault.Verdict
		fault string
	}{
		"all is well":   {[]func(*fault.Oracle){accepted, arrives(9, as)}, one, ""},
		"never arrived": {[]func(*fault.Oracle){accepted}, fault.Verdict{Accepted: 1, Owed: 1, Lost: 1}, ""},
		"arrived elsewhere": {
			[]func(*fault.Oracle){accepted, arrives(9, func(a *fault.Arrival) { a.Endpoint = "erp" })},
			fault.Verdict{Accepted: 1, Owed: 1, Lost: 1}, "",
		},
		"never acknowledged": {[]func(*fault.Oracle){
			func(o *fault.Oracle) { o.Owe("crm", at(0)); o.Sending(key, sum, at(1)) },
		}, fault.Verdict{Unknown: 1}, ""},
		"excused": {
			[]func(*fault.Oracle){accepted, func(o *fault.Oracle) { o.Excuse(at(1), at(3)) }}, fault.Verdict{Unknown: 1}, "",
		},
		"excused is something else": {
			[]func(*fault.Oracle){accepted, func(o *fault.Oracle) { o.Excuse(at(2), at(3)) }}, fault.Verdict{Accepted: 1, Owed: 1, Lost: 1}, "",
		},
		"sent before the endpoint was there": {[]func(*fault.Oracle){
			func(o *fault.Oracle) { o.Owe("crm", at(5)); o.Sending(key, sum, at(1)); o.Accepted(key, at(9)) },
		}, fault.Verdict{Accepted: 1}, ""},
		"repeated after a kill": {
			[]func(*fault.Oracle){accepted, arrives(9, as), killed(20), arrives(30, as)},
			fault.Verdict{Accepted: 1, Owed: 1, Duplicates: 1, OldestRepeat: fault.Milliseconds(11 * time.Millisecond)}, "",
		},
		"read late, after the kill of its sender": {
			[]func(*fault.Oracle){accepted, killed(5), arrives(9, func(a *fault.Arrival) { a.Connected = at(3) }), arrives(30, as)},
			fault.Verdict{Accepted: 1, Owed: 1, Duplicates: 1}, "",
		},
		"repeated without a kill": {
			[]func(*fault.Oracle){killed(5), accepted, arrives(209, as), arrives(230, as), killed(240)},
			fault.Verdict{Accepted: 1, Owed: 1, Duplicates: 1, Unexcused: 1}, "",
		},
		"arrived before the endpoint's registration was answered": {[]func(*fault.Oracle){
			func(o *fault.Oracle) { o.Sending(key, sum, at(1)); o.Accepted(key, at(2)) },
			arrives(9, as), func(o *fault.Oracle) { o.Owe("crm", time.Time{}) },
		}, one, ""},
		"nobody sent it": {[]func(*fault.Oracle){arrives(9, as)}, fault.Verdict{}, "nobody sent"},
		"other data": {
			[]func(*fault.Oracle){accepted, arrives(9, func(a *fault.Arrival) { a.Sum[0]++ })}, one, "other data",
		},
		"another id": {
			[]func(*fault.Oracle){accepted, arrives(9, as), arrives(10, func(a *fault.Arrival) { a.Endpoint, a.WebhookID = "erp", "msg_2" })},
			one, "before that as msg_1",
		},
		"on the bus twice": {
			[]func(*fault.Oracle){accepted, arrives(9, as), arrives(10, func(a *fault.Arrival) { a.Delivery = "dlv_2" })},
			fault.Verdict{Accepted: 1, Owed: 1, Duplicates: 1, Unexcused: 1}, "on the bus twice",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := fault.NewOracle()
			for _, happens := range c.story {
				happens(o)
			}
			got := o.Verdict()
			faults := strings.Join(got.Faults, "\n")
			if (c.fault == "") != (faults == "") || !strings.Contains(faults, c.fault) {
				t.Errorf("faults %q, want %q", faults, c.fault)
			}
			if got.Lost != len(got.Missing) || got.Lost != o.Missing() {
				t.Errorf("%d lost, %d named, %d missing", got.Lost, len(got.Missing), o.Missing())
			}
			if got.Of["crm"] != got.Duplicates {
				t.Errorf("%d duplicates, by endpoint %v", got.Duplicates, got.Of)
			}
			got.Of, got.Faults, got.Missing, got.Repeats = nil, nil, nil, nil
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOracleSeesDisorder(t *testing.T) {
	t.Parallel()
	now := time.Now()
	arrives := func(o *fault.Oracle, id string) {
		key := fault.Key{Source: "/sources/shop", ID: id}
		o.Sending(key, fault.Sum{1}, now)
		o.Arrived(fault.Arrival{Endpoint: "crm", Key: key, Sum: fault.Sum{1}, Delivery: id, At: now})
	}
	for story, faults := range map[string]int{"a1 b1 a2 b2": 0, "a1 a3 a2": 1, "a2 b1 a3": 0, "a1 a2 a1": 0, "x3 x1": 0} {
		o := fault.NewOracle()
		o.Order("crm", func(k fault.Key) (string, int) {
			if k.ID[0] == 'x' {
				return "", 0
			}
			return k.ID[:1], int(k.ID[1])
		})
		for id := range strings.FieldsSeq(story) {
			arrives(o, id)
		}
		if got := o.Verdict().Faults; len(got) != faults {
			t.Errorf("%s: %q, want %d", story, got, faults)
		}
	}
}
