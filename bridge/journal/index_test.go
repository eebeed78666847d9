package journal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/journal"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func ref(n int) delivery.EventRef {
	return delivery.EventRef{
		ID: fmt.Sprintf("evt-%d", n), Source: "/sources/shop", Type: "com.acme.order", Subject: fmt.Sprintf("order-%d", n%10),
		Topic: "hookspan.events.shop", Partition: "EVENTS", Position: bus.Position{Identity: "one", Seq: int64(n), Mark: 7},
	}
}

// try is the record of one attempt of delivery n, a second after the one before.
func try(n, number int, o delivery.Outcome) delivery.Attempt {
	sent := noon.Add(time.Duration(n)*time.Minute + time.Duration(number)*time.Second)
	a := delivery.Attempt{
		Delivery: fmt.Sprintf("dlv_%d", n), Endpoint: "ep_crm", Event: ref(n), Number: number,
		Sent: sent, Received: sent.Add(12500 * time.Microsecond), Status: 200, Response: "thanks", Outcome: o,
	}
	if o != delivery.Delivered {
		a.Status, a.Reason, a.Detail = 500, delivery.ReasonStatus, "the answer was 500"
	}
	switch o {
	case "":
		a.Next = sent.Add(time.Minute)
	case delivery.Failed:
		a.Ended = delivery.EndedExhausted
	}
	return a
}

func ids(page []journal.Delivery) string {
	var list []string
	for _, d := range page {
		list = append(list, strings.TrimPrefix(d.ID, "dlv_"))
	}
	return strings.Join(list, " ")
}

func TestADeliveryIsShownAsTheAPISaysIt(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{})
	ix.Attempted(try(1, 1, ""))
	d, ok := ix.Get("dlv_1")
	if !ok || d.Status != journal.Pending || !d.NextAttempt.Equal(noon.Add(2*time.Minute+time.Second)) {
		t.Fatalf("after a failure: %+v", d)
	}
	if e := d.Entry(); e.Number != 2 || e.Event != ref(1) || e.Endpoint != "ep_crm" || e.ID != "dlv_1" {
		t.Errorf("as a command names it: %+v", e)
	}
	ix.Attempted(try(1, 2, delivery.Delivered))
	d, _ = ix.Get("dlv_1")
	got, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
 "id": "dlv_1",
 "endpoint": "ep_crm",
 "event": {
  "id": "evt-1",
  "source": "/sources/shop",
  "type": "com.acme.order",
  "subject": "order-1",
  "topic": "hookspan.events.shop"
 },
 "status": "delivered",
 "attempts": [
  {
   "number": 1,
   "sent": "2026-05-04T12:01:01Z",
   "received": "2026-05-04T12:01:01.0125Z",
   "status_code": 500,
   "duration_ms": 12.5,
   "reason": "status",
   "detail": "the answer was 500",
   "response": {
    "body": "thanks"
   },
   "next_attempt": "2026-05-04T12:02:01Z",
   "next_reason": "schedule",
   "next_detail": "by the schedule"
  },
  {
   "number": 2,
   "sent": "2026-05-04T12:01:02Z",
   "received": "2026-05-04T12:01:02.0125Z",
   "status_code": 200,
   "duration_ms": 12.5,
   "response": {
    "body": "thanks"
   }
  }
 ],
 "created": "2026-05-04T12:01:01Z"
}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
}

func TestAnEndWithoutAnAttempt(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{})
	ix.Waiting(delivery.Entry{ID: "dlv_1", Endpoint: "ep_crm", Event: ref(1), Number: 3, Due: noon.Add(time.Hour), Created: noon})
	if d, _ := ix.Get("dlv_1"); d.Status != journal.Pending || !d.Created.Equal(noon) || d.Entry().Number != 3 || len(d.Attempts) != 0 {
		t.Errorf("waiting: %+v", d)
	}
	ix.Attempted(delivery.Attempt{
		Delivery: "dlv_1", Endpoint: "ep_crm", Event: ref(1), Number: 3, Received: noon, Outcome: delivery.Discarded, Ended: delivery.EndedExpired,
	})
	if d, _ := ix.Get("dlv_1"); d.Status != journal.Discarded || d.Reason != "expired" || len(d.Attempts) != 0 || !d.NextAttempt.IsZero() {
		t.Errorf("discarded: %+v", d)
	}
	if n := ix.Ended()[journal.Discarded]; n != 1 {
		t.Errorf("%d counted as discarded", n)
	}
}

func TestOnlyTheLastEndedAreKept(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{Ended: 3})
	ix.Attempted(try(0, 1, "")) // pending: never forgotten
	for n := 1; n <= 50; n++ {
		ix.Attempted(try(n, 1, delivery.Delivered))
	}
	ix.Attempted(try(48, 2, "")) // tried again by hand
	ix.Attempted(try(51, 1, delivery.Failed))
	ix.Attempted(try(52, 1, delivery.Delivered))
	page, next, err := ix.List(journal.Query{})
	if err != nil || ids(page) != "52 51 50 48 0" || next != "" {
		t.Errorf("kept %q, next %q, %v", ids(page), next, err)
	}
}

func TestListFiltersAndPages(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{})
	for n := range 30 {
		a := try(n, 1, delivery.Delivered)
		switch n % 3 {
		case 1:
			a = try(n, 1, "")
		case 2:
			a = try(n, 1, delivery.Failed)
		}
		if n == 20 {
			a.Endpoint, a.Event.Type, a.Event.Tenant = "ep_erp", "com.acme.invoice", "acme"
		}
		ix.Attempted(a)
	}
	for _, c := range []struct {
		name  string
		query journal.Query
		want  string
	}{
		{"endpoint", journal.Query{Endpoint: "ep_erp"}, "20"},
		{"type", journal.Query{Type: "com.acme.invoice"}, "20"},
		{"tenant", journal.Query{Tenant: "acme"}, "20"},
		{"another tenant", journal.Query{Tenant: "acm"}, ""},
		{"subject", journal.Query{Subject: "order-7"}, "27 17 7"},
		{"event", journal.Query{Event: "evt-4"}, "4"},
		{"status", journal.Query{Status: journal.Failed, Subject: "order-5"}, "5"},
		{"reason of the end", journal.Query{Reason: "exhausted", Subject: "order-9"}, "29"},
		{"reason of an attempt", journal.Query{Reason: "status", Subject: "order-1"}, "11 1"},
		{"since", journal.Query{Since: noon.Add(28*time.Minute + time.Second)}, "29 28"},
		{"until", journal.Query{Until: noon.Add(2*time.Minute + time.Second)}, "1 0"},
		{"nothing", journal.Query{Endpoint: "ep_none"}, ""},
	} {
		page, next, err := ix.List(c.query)
		if err != nil || ids(page) != c.want || next != "" {
			t.Errorf("%s: %q, next %q, %v; want %q", c.name, ids(page), next, err, c.want)
		}
	}

	q, seen := journal.Query{Limit: 7, Status: journal.Delivered}, ""
	for {
		page, next, err := ix.List(q)
		if err != nil {
			t.Fatal(err)
		}
		seen += ids(page) + "|"
		ix.Attempted(try(100+len(seen), 1, delivery.Delivered)) // what arrives meanwhile moves no page
		if q.Cursor = next; next == "" {
			break
		}
	}
	if want := "27 24 21 18 15 12 9|6 3 0|"; seen != want {
		t.Errorf("pages %q, want %q", seen, want)
	}
	if _, _, err := ix.List(journal.Query{Cursor: "!"}); !errors.Is(err, journal.ErrCursor) {
		t.Errorf("a bad cursor: %v", err)
	}
}

func TestListBeginsWithTheOldest(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{Ended: 20})
	for n := range 20 {
		ix.Attempted(try(n, 1, delivery.Delivered))
	}
	q, seen := journal.Query{Limit: 6, Oldest: true}, ""
	for n := 20; ; n += 9 {
		page, next, err := ix.List(q)
		if err != nil {
			t.Fatal(err)
		}
		seen += ids(page) + "|"
		for i := range 9 { // which also take the place of the oldest
			if next != "" && n < 38 {
				ix.Attempted(try(n+i, 1, delivery.Delivered))
			}
		}
		if q.Cursor = next; next == "" {
			break
		}
	}
	if want := "0 1 2 3 4 5|9 10 11 12 13 14|18 19 20 21 22 23|24 25 26 27 28 29|30 31 32 33 34 35|36 37|"; seen != want {
		t.Errorf("pages %q, want %q", seen, want)
	}
}

func TestTextsAreBoundedInAll(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{TextBytes: 1000})
	for n := range 100 {
		a := try(n, 1, delivery.Delivered)
		a.Response = strings.Repeat("x", 100)
		ix.Attempted(a)
	}
	page, _, err := ix.List(journal.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, d := range page {
		size += len(said(d))
	}
	if size > 1000 || said(page[0]) == "" || said(page[99]) != "" {
		t.Errorf("%d bytes of responses are kept; the newest: %q", size, said(page[0]))
	}
}

// said is what was answered to the first attempt; "" for what is not known any more.
func said(d journal.Delivery) string {
	if r := d.Attempts[0].Response; r != nil {
		return *r.Body
	}
	return ""
}

func BenchmarkAttempted(b *testing.B) {
	ix := journal.New(journal.Options{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		a := try(n, 1, delivery.Delivered)
		a.Response = ""
		ix.Attempted(a)
		n++
	}
	b.StopTimer()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(min(n, 100_000)), "B/delivery")
	runtime.KeepAlive(ix)
}
