package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A SharedStore is a Store on a bus that several processes use, and what they hear of each
// other there (bus.Shared, but for the leases).
type SharedStore interface {
	bus.Store
	FollowPublished(ctx context.Context, since time.Time, each func(bus.Publication) error) error
	FollowJournal(ctx context.Context, from []int64, each func(shard int, pos int64, data []byte) error) error
}

// Shared checks what processes hear of each other. open returns two stores on one fresh, empty
// bus, which follow the suite's topic and are closed when the test ends.
func Shared(t *testing.T, open func(t *testing.T) (a, b SharedStore)) {
	for name, clause := range map[string]func(t *testing.T, a, b SharedStore){
		"H2 what anybody publishes is heard":            publishedIsHeard,
		"H2 what was published before since is old":     oldIsNotHeard,
		"H2 following intake ends with the error":       hearingEnds,
		"J4 entries of all shards come in order":        entriesAreHeard,
		"J4 following begins behind the positions":      entriesBehind,
		"J4 a position beyond the end hides nothing":    entriesBeyondEnd,
		"J4 following the journal ends with the error":  entriesEnd,
		"T2 one follows what the other publishes":       followsTheOther,
		"L2 of two stores' writers one is superseded":   storesSupersede,
		"J1 J2 one reads what the other journals":       journalOfTheOther,
		"P3 a key counts once for each":                 keyCountsOnceForEach,
		"D3 what one purges is gone for the other":      purgedForBoth,
		"T1 both name the same spans":                   sameSpans,
		"L3 one reads at once what the other has added": readsAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			clause(t, a, b)
		})
	}
}

// hear follows what intake publishes until enough says so. It hands over a way to wait for
// that.
func hear(t *testing.T, s SharedStore, since time.Time, enough func(id string) bool) (wait func()) {
	t.Helper()
	heard := make(chan error, 1)
	go func() {
		heard <- s.FollowPublished(within(t), since, func(p bus.Publication) error {
			if p.Topic != topicOf(s) || p.Source != "/sources/shop" || p.Mark != markOf(p.ID) || time.Since(p.At) > patience {
				return fmt.Errorf("heard of %+v", p)
			}
			if enough(p.ID) {
				return errEnough
			}
			return nil
		})
	}()
	return func() {
		t.Helper()
		if err := <-heard; !errors.Is(err, errEnough) {
			t.Errorf("following what intake publishes ended with %v", err)
		}
	}
}

func publishedIsHeard(t *testing.T, a, b SharedStore) {
	const n = 40
	want := map[string]bool{}
	for i := 1; i <= n; i++ {
		want[order(i).ID] = true
	}
	publish(t, a, 1, n/4)
	var waits []func()
	for _, s := range []SharedStore{a, b} {
		missing := map[string]bool{}
		for id := range want {
			missing[id] = true
		}
		waits = append(waits, hear(t, s, time.Now().Add(-time.Minute), func(id string) bool {
			delete(missing, id)
			return len(missing) == 0
		}))
	}
	publish(t, b, n/4+1, n/2)
	publish(t, a, n/2+1, n)
	for _, wait := range waits {
		wait()
	}
}

func oldIsNotHeard(t *testing.T, a, b SharedStore) {
	receipts := publish(t, a, 1, 10)
	m, err := a.Get(within(t), receipts[9].Partition, receipts[9].Position)
	if err != nil {
		t.Fatal(err)
	}
	first, heard := "", make(chan struct{})
	// Some buses count no finer, and some tell by a marker that is written after the event.
	wait := hear(t, b, m.Stored.Add(500*time.Millisecond), func(id string) bool {
		first = id
		close(heard)
		return true
	})
	for n := 11; !closed(heard); n++ {
		publish(t, a, n, n)
	}
	wait()
	if n, err := strconv.Atoi(strings.TrimPrefix(first, "order-")); err != nil || n <= 10 {
		t.Errorf("the first one heard of is %s", first)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func hearingEnds(t *testing.T, a, b SharedStore) {
	publish(t, a, 1, 1)
	wait := hear(t, b, time.Now().Add(-time.Minute), func(string) bool { return true })
	wait()
	ctx, stop := context.WithCancel(within(t))
	err := b.FollowPublished(ctx, time.Now().Add(-time.Minute), func(bus.Publication) error {
		stop()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after its context ended: %v", err)
	}
}

// journal appends entries of some shards, by turns through both stores.
func journal(t *testing.T, a, b SharedStore, shards, first, last int) (positions [][]int64) {
	t.Helper()
	positions = make([][]int64, shards)
	for n := first; n <= last; n++ {
		for shard := range shards {
			s := a
			if n%2 == 0 {
				s = b
			}
			pos, err := appendEntry(t, s, shard, fmt.Appendf(nil, "%d/%d", shard, n))
			if err != nil {
				t.Fatal(err)
			}
			positions[shard] = append(positions[shard], pos)
		}
	}
	return positions
}

// entries follows the journal until so many have come for each shard, and returns what came.
func entries(t *testing.T, s SharedStore, from []int64, each int) [][]string {
	t.Helper()
	got := make([][]string, len(from))
	last := slices.Clone(from)
	full := func() bool {
		return !slices.ContainsFunc(got, func(list []string) bool { return len(list) < each })
	}
	err := s.FollowJournal(within(t), from, func(shard int, pos int64, data []byte) error {
		if pos <= last[shard] {
			return fmt.Errorf("shard %d: %d came after %d", shard, pos, last[shard])
		}
		last[shard] = pos
		if got[shard] = append(got[shard], string(data)); full() {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Errorf("following the journal ended with %v after %q", err, got)
	}
	return got
}

func fromStart(shards int) []int64 { return slices.Repeat([]int64{bus.NoPosition}, shards) }

func entriesAreHeard(t *testing.T, a, b SharedStore) {
	const shards, n = 3, 20
	journal(t, a, b, shards, 1, n/2)
	var more sync.WaitGroup
	more.Go(func() { journal(t, a, b, shards, n/2+1, n) })
	for shard, got := range entries(t, a, fromStart(shards), n) {
		for i, entry := range got {
			if want := fmt.Sprintf("%d/%d", shard, i+1); entry != want {
				t.Errorf("entry %d of shard %d is %s", i+1, shard, entry)
			}
		}
	}
	more.Wait()
}

func entriesBehind(t *testing.T, a, b SharedStore) {
	const shards = 3
	positions := journal(t, a, b, shards, 1, 4)
	from := []int64{positions[0][3], positions[1][1], bus.NoPosition}
	journal(t, a, b, shards, 5, 5)
	got := entries(t, b, from, 1)
	for shard, want := range []string{"0/5", "1/3", "2/1"} {
		if len(got[shard]) == 0 || got[shard][0] != want {
			t.Errorf("behind %d of shard %d came %q, want %s first", from[shard], shard, got[shard], want)
		}
	}
}

func entriesBeyondEnd(t *testing.T, a, b SharedStore) {
	positions := journal(t, a, b, 1, 1, 3)
	from := []int64{positions[0][2] + 1_000_000} // of a journal that was lost since
	var got []string
	err := b.FollowJournal(within(t), from, func(_ int, _ int64, data []byte) error {
		if got = append(got, string(data)); len(got) == 3 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) || !slices.Equal(got, []string{"0/1", "0/2", "0/3"}) {
		t.Errorf("came %q, %v", got, err)
	}
}

func entriesEnd(t *testing.T, a, b SharedStore) {
	journal(t, a, b, 1, 1, 1)
	ctx, stop := context.WithCancel(within(t))
	err := b.FollowJournal(ctx, fromStart(1), func(int, int64, []byte) error {
		stop()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after its context ended: %v", err)
	}
}

func followsTheOther(t *testing.T, a, b SharedStore) {
	publish(t, a, 1, 20)
	sp := spanOf(t, b, "")
	got := collect(t, b, sp.Partition, front(sp), 20)
	for i, m := range got {
		if m.Event.ID != order(i+1).ID {
			t.Errorf("message %d is %s", i+1, m.Event.ID)
		}
	}
}

func storesSupersede(t *testing.T, a, b SharedStore) {
	x, y := bus.NewChain(a, state), bus.NewChain(b, state)
	write(t, x, "first")
	if got := readChain(t, y); !slices.Equal(got, []string{"first"}) {
		t.Fatalf("the other reads %q", got)
	}
	write(t, y, "second")
	if _, err := x.Append(within(t), []byte("late")); !errors.Is(err, bus.ErrSuperseded) {
		t.Errorf("the first writer's next record: %v, want ErrSuperseded", err)
	}
	if got := readChain(t, bus.NewChain(a, state)); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("the log is %q", got)
	}
}

func journalOfTheOther(t *testing.T, a, b SharedStore) {
	journal(t, a, b, 1, 1, 10)
	for _, s := range []SharedStore{a, b} {
		got, _ := readJournal(t, s, 0, bus.NoPosition)
		if len(got) != 10 || got[0] != "0/1" || got[9] != "0/10" {
			t.Errorf("read %q", got)
		}
	}
}

// keyCountsOnceForEach: within one process a key counts once. Of two that publish it in the same
// moment each may take it for the first, on a bus that cannot compare before it writes.
func keyCountsOnceForEach(t *testing.T, a, b SharedStore) {
	var all sync.WaitGroup
	var mu sync.Mutex
	fresh := 0
	for i := range 16 {
		s := a
		if i%2 == 0 {
			s = b
		}
		all.Go(func() {
			r, err := s.Publish(within(t), topicOf(s), order(1), bus.PublishOptions{Key: "shop/order-1"})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("publish: %v", err)
			} else if !r.Repeated {
				fresh++
			}
		})
	}
	all.Wait()
	if fresh < 1 || fresh > 2 {
		t.Errorf("%d of 16 publishes with one key were taken for the first", fresh)
	}
}

func purgedForBoth(t *testing.T, a, b SharedStore) {
	receipts := publish(t, a, 1, 4)
	if err := a.PurgeEvents(within(t), receipts[0].Partition, receipts[1].Position.Seq); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(within(t), receipts[0].Partition, receipts[0].Position); !errors.Is(err, bus.ErrGone) {
		t.Errorf("a purged event: %v, want ErrGone", err)
	}
	if sp := spanOf(t, b, receipts[0].Partition); sp.First != receipts[2].Position.Seq {
		t.Errorf("the other's span begins at %d, want %d", sp.First, receipts[2].Position.Seq)
	}
}

func sameSpans(t *testing.T, a, b SharedStore) {
	publish(t, a, 1, 5)
	key := func(spans []bus.Span) (list []string) {
		for _, sp := range spans {
			list = append(list, fmt.Sprintf("%s %s %d %v", sp.Partition, sp.Identity, sp.First, sp.End))
		}
		slices.Sort(list)
		return list
	}
	x, err := a.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Spans(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(key(x), key(y)) {
		t.Errorf("one names %v, the other %v", key(x), key(y))
	}
}

func readsAtOnce(t *testing.T, a, b SharedStore) {
	writer, reader := bus.NewChain(a, bus.LogName{Kind: bus.Registry}), bus.NewChain(b, bus.LogName{Kind: bus.Registry})
	for n := range 30 {
		want := fmt.Sprint(n)
		write(t, writer, want)
		if got := readChain(t, reader); !slices.Equal(got, []string{want}) {
			t.Fatalf("behind %d came %q", n-1, got)
		}
	}
}
