package journal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/journal"
)

// took is try, of an endpoint that took so long.
func took(n, number int, o delivery.Outcome, ms int) delivery.Attempt {
	a := try(n, number, o)
	a.Received = a.Sent.Add(time.Duration(ms) * time.Millisecond)
	return a
}

func shown(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestStatsOfWhatEndedAndHowLongItTook(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{})
	if got, err := ix.Stats(journal.Query{}, 0); err != nil || shown(t, got) != `{"delivered":0,"failed":0,"discarded":0,"retried":0,"success_rate":null,"first_try_rate":null,"mean_ms":null,"p50_ms":null,"p95_ms":null,"p99_ms":null}` {
		t.Errorf("of nothing: %s, %v", shown(t, got), err)
	}
	ix.Attempted(took(0, 1, delivery.Delivered, 10))
	ix.Attempted(took(1, 1, "", 40)) // an answer, and no success
	ix.Attempted(took(1, 2, delivery.Delivered, 20))
	ix.Attempted(took(61, 1, delivery.Failed, 30))
	silent := took(62, 1, "", 5000)
	silent.Status, silent.Reason = 0, delivery.ReasonTimeout
	ix.Attempted(silent)
	expired := delivery.Attempt{Delivery: "dlv_63", Endpoint: "ep_crm", Event: ref(63), Number: 1, Received: noon.Add(63 * time.Minute), Outcome: delivery.Discarded, Ended: delivery.EndedExpired}
	expired.Event.Type = "com.acme.invoice"
	ix.Attempted(expired)

	first := `"since":"2026-05-04T12:00:01.01Z"`
	all := `"delivered":2,"failed":1,"discarded":1,"retried":1,"success_rate":0.6666666666666666,"first_try_rate":0.3333333333333333,"mean_ms":25,"p50_ms":20,"p95_ms":40,"p99_ms":40`
	for _, c := range []struct {
		name     string
		q        journal.Query
		interval time.Duration
		want     string
	}{
		{"all", journal.Query{}, 0, `{` + first + `,` + all + `}`},
		{"by the hour", journal.Query{}, time.Hour, `{` + first + `,` + all + `,"intervals":[` +
			`{"start":"2026-05-04T12:00:00Z","delivered":2,"failed":0,"discarded":0,"retried":1,"success_rate":1,"first_try_rate":0.5,"mean_ms":23.333,"p50_ms":20,"p95_ms":40,"p99_ms":40},` +
			`{"start":"2026-05-04T13:00:00Z","delivered":0,"failed":1,"discarded":1,"retried":0,"success_rate":0,"first_try_rate":0,"mean_ms":30,"p50_ms":30,"p95_ms":30,"p99_ms":30}]}`},
		{"of a time", journal.Query{Since: noon.Add(time.Minute), Until: noon.Add(time.Hour)}, 0,
			`{"since":"2026-05-04T12:01:00Z","delivered":1,"failed":0,"discarded":0,"retried":1,"success_rate":1,"first_try_rate":0,"mean_ms":30,"p50_ms":20,"p95_ms":40,"p99_ms":40}`},
		{"of a type", journal.Query{Type: "com.*.invoice"}, 0,
			`{` + first + `,"delivered":0,"failed":0,"discarded":1,"retried":0,"success_rate":null,"first_try_rate":null,"mean_ms":null,"p50_ms":null,"p95_ms":null,"p99_ms":null}`},
		{"of another endpoint", journal.Query{Endpoint: "ep_other"}, time.Hour,
			`{` + first + `,"delivered":0,"failed":0,"discarded":0,"retried":0,"success_rate":null,"first_try_rate":null,"mean_ms":null,"p50_ms":null,"p95_ms":null,"p99_ms":null}`},
	} {
		if got, err := ix.Stats(c.q, c.interval); err != nil || shown(t, got) != c.want {
			t.Errorf("%s: %v\n%s, want\n%s", c.name, err, shown(t, got), c.want)
		}
	}
}

// What was forgotten is not counted, and since says so.
func TestStatsSayFromWhenOnTheyAre(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{Ended: 3})
	for n := range 5 {
		ix.Attempted(took(n, 1, delivery.Delivered, 10))
	}
	got, err := ix.Stats(journal.Query{}, 0)
	if want := noon.Add(2*time.Minute + time.Second + 10*time.Millisecond); err != nil || got.Delivered != 3 || !got.Since.Equal(want) {
		t.Errorf("%d delivered since %v, want 3 since %v (%v)", got.Delivered, got.Since, want, err)
	}
	for n := range journal.MostIntervals + 1 {
		ix.Waiting(delivery.Entry{ID: fmt.Sprint("dlv_w", n), Endpoint: "ep_crm", Event: ref(n), Number: 2, Created: noon})
		a := took(0, 1, "", 10)
		a.Delivery = fmt.Sprint("dlv_w", n)
		a.Sent, a.Received = a.Sent.Add(time.Duration(n)*time.Hour), a.Received.Add(time.Duration(n+1)*time.Hour)
		ix.Attempted(a)
	}
	if _, err := ix.Stats(journal.Query{}, time.Hour); !errors.Is(err, journal.ErrIntervals) {
		t.Errorf("more than %d intervals: %v", journal.MostIntervals, err)
	}
}

func TestDeliveriesAreFoundByWhatWasAnswered(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{})
	ix.Attempted(try(1, 1, delivery.Delivered))
	ix.Attempted(try(2, 1, ""))
	ix.Attempted(try(3, 1, ""))
	ix.Attempted(try(3, 2, delivery.Delivered))
	busy := try(4, 1, "")
	busy.Status, busy.Response = 503, "no order of 17 here"
	ix.Attempted(busy)
	ix.Waiting(delivery.Entry{ID: "dlv_5", Endpoint: "ep_crm", Event: ref(5), Number: 1, Created: noon})
	for _, c := range []struct {
		q    journal.Query
		want string
	}{
		{journal.Query{Code: 200}, "3 1"}, {journal.Query{Code: 500}, "2"}, {journal.Query{Code: 404}, ""},
		{journal.Query{Text: "order of 17"}, "4"}, {journal.Query{Text: "thanks", Code: 500}, "2"},
		{journal.Query{Type: "com.*"}, "5 4 3 2 1"}, {journal.Query{Type: "*.invoice"}, ""}, {journal.Query{Type: "com.acme.orde"}, ""},
	} {
		page, _, err := ix.List(c.q)
		if got := ids(page); err != nil || got != c.want {
			t.Errorf("%+v: %q, %v, want %q", c.q, got, err, c.want)
		}
	}
}

// BenchmarkStats is of an index that is full, with an attempt for each delivery.
func BenchmarkStats(b *testing.B) {
	ix := journal.New(journal.Options{})
	for n := range 100_000 {
		ix.Attempted(took(n, 1, delivery.Delivered, n%1000))
	}
	for name, q := range map[string]journal.Query{"all": {}, "none": {Since: noon.Add(1 << 62)}, "type": {Type: "com.*.order"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := ix.Stats(q, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
