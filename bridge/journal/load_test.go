package journal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/journal"
)

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

// A shard whose latest batches hold notes alone is read back to its records, as far as the others.
func TestLoadReadsPastNotes(t *testing.T) {
	t.Parallel()
	for _, noted := range []int{0, 1} {
		p := newTape()
		for n := range 400 {
			p.write(t, 1-noted, try(n, 1, delivery.Delivered))
		}
		p.write(t, noted, try(400, 1, delivery.Delivered))
		for range 400 {
			note := delivery.AppendNotes(delivery.NewBatch(0), []delivery.Note{{Endpoint: "ep_crm", At: noon}})
			if _, err := p.AppendJournal(t.Context(), noted, note); err != nil {
				t.Fatal(err)
			}
		}
		ix := journal.New(journal.Options{Ended: 100})
		if err := ix.Load(t.Context(), p, 2); err != nil {
			t.Fatal(err)
		}
		page, _, err := ix.List(journal.Query{Limit: 1000})
		if err != nil || len(page) != 100 || page[0].ID != "dlv_400" {
			t.Errorf("%d deliveries from %s on, %v; want 100 from the one before the notes of shard %d", len(page), page[0].ID, err, noted)
		}
	}
}

// abreast has every look at a journal wait until another one is under way.
type abreast struct {
	*tape
	met chan struct{}
}

func (a abreast) JournalSpan(ctx context.Context, shard int) (first, last int64, err error) {
	select {
	case a.met <- struct{}{}:
	case <-a.met:
	case <-ctx.Done():
		return 0, 0, context.Cause(ctx)
	}
	return a.tape.JournalSpan(ctx, shard)
}

// Looks at a bus that others use are waits, so the shards share them.
func TestLoadLooksAtShardsSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newTape()
		for shard := range 8 {
			p.write(t, shard, try(shard, 1, delivery.Delivered))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ix := journal.New(journal.Options{Ended: 100})
		if err := ix.Load(ctx, abreast{p, make(chan struct{})}, 8); err != nil {
			t.Fatal(err)
		}
		if page, _, err := ix.List(journal.Query{Limit: 100}); err != nil || len(page) != 8 {
			t.Errorf("%d deliveries, %v; want one of each shard", len(page), err)
		}
	})
}

// flaky is a tape on a bus that is away after every so many answers.
type flaky struct {
	*tape
	every int
	mu    sync.Mutex
	said  int
}

func (f *flaky) away() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.said++; f.said%f.every == 0 {
		return fmt.Errorf("%w: no leader", bus.ErrUnavailable)
	}
	return nil
}

func (f *flaky) JournalSpan(ctx context.Context, shard int) (first, last int64, err error) {
	if err := f.away(); err != nil {
		return bus.NoPosition, bus.NoPosition, err
	}
	return f.tape.JournalSpan(ctx, shard)
}

func (f *flaky) ReadJournal(ctx context.Context, shard int, from int64, each func(int64, []byte) error) error {
	return f.tape.ReadJournal(ctx, shard, from, func(pos int64, data []byte) error {
		if err := f.away(); err != nil {
			return err
		}
		return each(pos, data)
	})
}

// However often the bus goes away, a load that is called again comes to its end, to the same
// one, and reads hardly anything twice.
func TestLoadGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	p := newTape()
	for n := range 3000 {
		a := try(n, 1, delivery.Delivered)
		a.Response = strings.Repeat("x", 100)
		p.write(t, n%7, a) // the eighth shard is empty
	}
	o := journal.Options{Ended: 1000, TextBytes: 50_000}
	whole := journal.New(o)
	if err := whole.Load(t.Context(), p, 8); err != nil {
		t.Fatal(err)
	}
	want, _, err := whole.List(journal.Query{Limit: 3000})
	if err != nil || len(want) != 1000 {
		t.Fatalf("%d deliveries, %v", len(want), err)
	}
	once := p.read
	p.read = 0
	f, ix, cuts := &flaky{tape: p, every: 50}, journal.New(o), 0
	for err = ix.Load(t.Context(), f, 8); errors.Is(err, bus.ErrUnavailable) && cuts < 1000; err = ix.Load(t.Context(), f, 8) {
		cuts++
	}
	if err != nil || cuts < 20 {
		t.Fatalf("after %d cuts: %v", cuts, err)
	}
	got, _, err := ix.List(journal.Query{Limit: 3000})
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(journal.Delivery{})); err != nil || diff != "" {
		t.Errorf("%v, (-in one go +in %d)\n%s", err, cuts+1, diff)
	}
	if p.read > once+5*cuts { // of four shards that are looked at one is cut, and where it was asks again
		t.Errorf("%d batches were read, %d in one go and %d cuts", p.read, once, cuts)
	}
	for n := range 200 { // what ends from now on makes room again
		ix.Attempted(try(3000+n, 1, delivery.Delivered))
	}
	if page, _, err := ix.List(journal.Query{Limit: 3000}); err != nil || len(page) != 1000 || page[999].ID != "dlv_2200" {
		t.Errorf("%d deliveries after the load, %v; want the newest 1000", len(page), err)
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
	if said(page[20]) == "" || said(page[59]) != "" {
		t.Errorf("responses of the newest %q and the oldest %q, want the newest alone", said(page[20]), said(page[59]))
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
