package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
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
   "response": "thanks"
  },
  {
   "number": 2,
   "sent": "2026-05-04T12:01:02Z",
   "received": "2026-05-04T12:01:02.0125Z",
   "status_code": 200,
   "duration_ms": 12.5,
   "response": "thanks"
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
			a.Endpoint, a.Event.Type = "ep_erp", "com.acme.invoice"
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
		size += len(d.Attempts[0].Response)
	}
	if size > 1000 || page[0].Attempts[0].Response == "" || page[99].Attempts[0].Response != "" {
		t.Errorf("%d bytes of responses are kept; the newest: %q", size, page[0].Attempts[0].Response)
	}
}

// tape is a journal in memory.
type tape struct {
	mu      sync.Mutex
	batches map[int][][]byte
	trimmed map[int]int64
	read    int
	more    chan struct{} // closed at the next append; nil while nobody waits for it
}

func (p *tape) AppendJournal(_ context.Context, shard int, data []byte) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.batches[shard] = append(p.batches[shard], data)
	if p.more != nil {
		close(p.more)
		p.more = nil
	}
	return int64(len(p.batches[shard])), nil
}

func (p *tape) ReadJournal(_ context.Context, shard int, from int64, each func(int64, []byte) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, data := range p.batches[shard] {
		pos := int64(i + 1)
		if pos < from || pos <= p.trimmed[shard] {
			continue
		}
		p.read++
		if err := each(pos, data); err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
	return nil
}

func (p *tape) JournalSpan(_ context.Context, shard int) (first, last int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := int64(len(p.batches[shard])); n > 0 {
		return p.trimmed[shard] + 1, n, nil
	}
	return bus.NoPosition, bus.NoPosition, nil
}

func (p *tape) write(t *testing.T, shard int, attempts ...delivery.Attempt) {
	t.Helper()
	b := delivery.NewBatch(len(attempts))
	for i := range attempts {
		b = delivery.AppendAttempt(b, &attempts[i])
	}
	if _, err := p.AppendJournal(t.Context(), shard, b); err != nil {
		t.Fatal(err)
	}
}

func newTape() *tape { return &tape{batches: map[int][][]byte{}, trimmed: map[int]int64{}} }

func TestLoadReadsTheTail(t *testing.T) {
	t.Parallel()
	p := newTape()
	for n := range 5000 { // a busy shard and a quiet one
		shard := 0
		if n%100 == 0 {
			shard = 1
		}
		if n == 4000 {
			p.write(t, shard, try(n, 1, ""), try(n, 2, delivery.Failed))
			continue
		}
		p.write(t, shard, try(n, 1, delivery.Delivered))
	}
	p.trimmed[1] = 3
	ix := journal.New(journal.Options{Ended: 500})
	ix.Waiting(delivery.Entry{ID: "dlv_9999", Endpoint: "ep_crm", Event: ref(9999), Number: 1, Due: noon, Created: noon.Add(-time.Hour)})
	ix.Attempted(try(4999, 1, delivery.Delivered)) // told live, and in the journal too
	if err := ix.Load(t.Context(), p, 3); err != nil {
		t.Fatal(err)
	}
	page, _, err := ix.List(journal.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if len(page) != 501 || page[0].ID != "dlv_4999" || page[499].ID != "dlv_4500" || page[500].ID != "dlv_9999" {
		t.Errorf("%d deliveries, from %s to %s", len(page), page[0].ID, page[len(page)-1].ID)
	}
	if len(page[0].Attempts) != 1 {
		t.Errorf("one attempt is shown %d times", len(page[0].Attempts))
	}
	if p.read > 3000 {
		t.Errorf("%d of 5000 batches were read for the last 500 deliveries", p.read)
	}
	if d, ok := ix.Get("dlv_4500"); !ok || d.Status != journal.Delivered {
		t.Errorf("a delivery of the quiet shard: %+v", d)
	}
}

// Where hardly anything ends, the tail does not reach back to the first day.
func TestLoadReadsSoManyRecordsAtMost(t *testing.T) {
	t.Parallel()
	p := newTape()
	for n := range 5000 {
		p.write(t, n%2, try(n, 1, ""))
	}
	ix := journal.New(journal.Options{Records: 300})
	if err := ix.Load(t.Context(), p, 2); err != nil {
		t.Fatal(err)
	}
	page, _, err := ix.List(journal.Query{Limit: 1000})
	if err != nil || len(page) != 300 || page[0].ID != "dlv_4999" {
		t.Errorf("%d deliveries, %v; want the newest 300", len(page), err)
	}
	if p.read > 1500 {
		t.Errorf("%d of 5000 batches were read for 300 records", p.read)
	}
}

// The journals of shards are read one after the other; what goes first is decided by the time.
func TestLoadPutsShardsInOrder(t *testing.T) {
	t.Parallel()
	p := newTape()
	for n := range 100 {
		a := try(n, 1, delivery.Delivered)
		a.Response = strings.Repeat("x", 100)
		shard := 1 // the second has what is older
		if n >= 50 {
			shard = 0
		}
		p.write(t, shard, a)
	}
	ix := journal.New(journal.Options{Ended: 60, TextBytes: 1000})
	if err := ix.Load(t.Context(), p, 2); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		ix.Attempted(try(100+n, 1, delivery.Delivered))
	}
	page, _, err := ix.List(journal.Query{Limit: 1000})
	if err != nil || len(page) != 60 || page[0].ID != "dlv_119" || page[59].ID != "dlv_60" {
		t.Fatalf("%d deliveries, from %s to %s, %v; want the newest 60", len(page), page[0].ID, page[len(page)-1].ID, err)
	}
	if page[20].Attempts[0].Response == "" || page[59].Attempts[0].Response != "" {
		t.Errorf("responses of the newest %q and the oldest %q, want the newest alone", page[20].Attempts[0].Response, page[59].Attempts[0].Response)
	}
}

func TestLoadJoinsWhatIsKnown(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.write(t, 0, try(1, 1, ""), try(2, 1, ""))
	p.write(t, 0, try(1, 2, ""))
	ix := journal.New(journal.Options{})
	due := noon.Add(24 * time.Hour)
	ix.Waiting(delivery.Entry{ID: "dlv_1", Endpoint: "ep_crm", Event: ref(1), Number: 3, Due: due, Created: noon})
	ix.Attempted(try(1, 3, delivery.Delivered))
	ix.Waiting(delivery.Entry{ID: "dlv_2", Endpoint: "ep_crm", Event: ref(2), Number: 2, Due: due, Created: noon})
	if err := ix.Load(t.Context(), p, 1); err != nil {
		t.Fatal(err)
	}
	if d, _ := ix.Get("dlv_1"); d.Status != journal.Delivered || len(d.Attempts) != 3 || d.Attempts[2].Number != 3 {
		t.Errorf("ended since: %+v", d)
	}
	if d, _ := ix.Get("dlv_2"); d.Status != journal.Pending || len(d.Attempts) != 1 || !d.NextAttempt.Equal(due) {
		t.Errorf("waiting: %+v", d)
	}
}

func TestLoadRefusesANewerJournal(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.batches[0] = [][]byte{[]byte("v9\n{}\n")}
	if err := journal.New(journal.Options{}).Load(t.Context(), p, 1); !errors.Is(err, bus.ErrNewerFormat) {
		t.Errorf("load: %v", err)
	}
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

// A load of a full index: its time, and how much is allocated for what stays.
func BenchmarkLoad(b *testing.B) {
	p := newTape()
	for n := 0; n < 100_000; n += 100 {
		batch := delivery.NewBatch(100)
		for i := range 100 {
			a := try(n+i, 1, delivery.Delivered)
			batch = delivery.AppendAttempt(batch, &a)
		}
		if _, err := p.AppendJournal(b.Context(), n/100%16, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := journal.New(journal.Options{}).Load(b.Context(), p, 16); err != nil {
			b.Fatal(err)
		}
	}
}
