package receiver

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookspan/hookspan/bridge/event"
)

var noon = time.Date(2026, 5, 4, 12, 30, 0, 0, time.UTC)

func TestAnEventIsSeenOnlyOnceItIsDurable(t *testing.T) {
	t.Parallel()
	w := newWindow(72 * time.Hour)
	f := identify("topic", "/sources/shop", "1")
	since := noon.Add(-72 * time.Hour)

	st, first, _ := w.claim(f, 7, since, &flight{})
	if st != fresh {
		t.Fatalf("first claim: %v", st)
	}
	st, waiting, altered := w.claim(f, 7, since, &flight{})
	if st != underway || waiting != first || altered {
		t.Fatalf("claim while the first is underway: %v, altered %v", st, altered)
	}
	broken := errors.New("bus is down")
	w.settle(f, first, noon, broken)
	<-waiting.done
	if !errors.Is(waiting.err, broken) {
		t.Fatalf("who waited got %v", waiting.err)
	}

	st, second, _ := w.claim(f, 7, since, &flight{})
	if st != fresh {
		t.Fatalf("claim after a failure: %v", st)
	}
	w.settle(f, second, noon, nil)
	if st, _, altered := w.claim(f, 7, since, &flight{}); st != repeated || altered {
		t.Fatalf("claim after success: %v, altered %v", st, altered)
	}
	if st, _, altered := w.claim(f, 8, since, &flight{}); st != repeated || !altered {
		t.Fatalf("claim with another body: %v, altered %v", st, altered)
	}
}

func TestAnIdIsKeptForTheWholeWindowAndNotMuchLonger(t *testing.T) {
	t.Parallel()
	const keep = 5 * time.Hour
	w := newWindow(keep)
	f := identify("topic", "s", "1")
	w.remember(f, 0, noon)
	for later := time.Duration(0); later < 8*time.Hour; later += 10*time.Minute + time.Second {
		now := noon.Add(later)
		known := w.knows(f, now.Add(-keep))
		if later <= keep && !known {
			t.Fatalf("forgotten after %v", later)
		}
		if later > keep+time.Second && known {
			t.Fatalf("still known after %v", later)
		}
		for i := range 2 * windowShards {
			w.remember(identify("topic", "s", fmt.Sprint(now, i)), 0, now)
		}
	}
	// Eight hours were written; six are kept, and the one that a shard is in.
	if n := w.size(); n > 7*6*2*windowShards {
		t.Errorf("%d ids are kept", n)
	}
}

// The bus hands a process its own events back: before their publisher knows that they are
// durable, after it, and in the next hour by the bus's clock.
func TestOwnIdsThatComeBackChangeNothing(t *testing.T) {
	t.Parallel()
	f := identify("topic", "/sources/shop", "1")
	since := noon.Add(-72 * time.Hour)
	for name, order := range map[string]func(w *window, settle func()){
		"before": func(w *window, settle func()) { w.remember(f, 0, noon); settle() },
		"after":  func(w *window, settle func()) { settle(); w.remember(f, 0, noon) },
		"later":  func(w *window, settle func()) { settle(); w.remember(f, 0, noon.Add(time.Hour)) },
	} {
		w := newWindow(72 * time.Hour)
		_, fl, _ := w.claim(f, 7, since, &flight{})
		order(w, func() { w.settle(f, fl, noon, nil) })
		for range 3 {
			w.remember(f, 0, noon)
		}
		if st, _, altered := w.claim(f, 7, since, &flight{}); st != repeated || altered {
			t.Errorf("%s: claim with the same body: %v, altered %v", name, st, altered)
		}
		if st, _, altered := w.claim(f, 8, since, &flight{}); st != repeated || !altered {
			t.Errorf("%s: claim with another body: %v, altered %v", name, st, altered)
		}
		entries := 0
		for _, b := range w.shards[f.shard()].buckets {
			if b != nil {
				entries += len(b.entries)
			}
		}
		if want := map[bool]int{false: 1, true: 2}[name == "later"]; w.size() != 1 || entries != want {
			t.Errorf("%s: %d ids in %d entries, want %d", name, w.size(), entries, want)
		}
	}
}

func TestIdentityKeepsItsPartsApart(t *testing.T) {
	t.Parallel()
	seen := map[fingerprint]string{}
	for _, parts := range [][3]string{
		{"a", "b", "c"}, {"ab", "", "c"}, {"a", "bc", ""}, {"", "ab", "c"}, {"a", "b", "C"}, {"", "", "abc"},
	} {
		f := identify(parts[0], parts[1], parts[2])
		if other, ok := seen[f]; ok {
			t.Errorf("%q and %s are one", parts, other)
		}
		seen[f] = fmt.Sprint(parts)
		one, mark := written(nil, 1, []fingerprint{f})
		if two, _ := written(nil, 2, []fingerprint{f}); len(one) != 27 || one == two {
			t.Errorf("keys %q and %q", one, two)
		}
		if m, ok := readMark(mark); !ok || m.at != 0 || m.body != 1 || len(m.prints) != 1 || m.prints[0] != f {
			t.Errorf("mark %q is %+v", mark, m)
		}
	}
}

// Whatever lies beside an event, one that is published anew gets a mark that says the same.
func FuzzMarks(f *testing.F) {
	_, mark := written(nil, 1, []fingerprint{identify("a", "b", "c"), identify("a", "b", "d")})
	e := &event.Event{Data: []byte("{}")}
	f.Add(mark)
	f.Add(MarkOf("", e, noon))
	f.Add(MarkOf(mark, e, noon))
	f.Add(mark[:len(mark)-1])
	f.Fuzz(func(t *testing.T, text string) {
		own, ok := readMark(text)
		anew, readable := readMark(MarkOf(text, e, noon))
		if !readable || anew.at == 0 || own.at != 0 && anew.at != own.at {
			t.Errorf("%q at %d becomes %+v", text, own.at, anew)
		}
		if ok && (anew.body != own.body || !slices.Equal(anew.prints, own.prints)) || !ok && len(anew.prints) > 0 {
			t.Errorf("%+v becomes %+v", own, anew)
		}
	})
}

// TestWindowAgainstAMap compares with the plainest thing that could hold the same.
func TestWindowAgainstAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keep := time.Duration(rapid.IntRange(1, 6).Draw(t, "keep")) * time.Hour
		w := newWindow(keep)
		newest := map[string]time.Time{}
		now := noon
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 2400).Draw(t, "seconds")) * time.Second)
			id := strconv.Itoa(rapid.IntRange(0, 40).Draw(t, "id"))
			f := identify("topic", "s", id)
			since := now.Add(-keep)
			at, ok := newest[id]
			want := ok && at.Unix() >= since.Unix()
			if got := w.knows(f, since); got != want {
				t.Fatalf("%s at %v, last seen %v: known %v, want %v", id, now, at, got, want)
			}
			if !want {
				w.remember(f, 0, now)
				newest[id] = now
			}
		}
	})
}

// TestBytesPerId is the figure that the README states.
func TestBytesPerId(t *testing.T) {
	const ids = 1_000_000
	w := newWindow(72 * time.Hour)
	before := heap()
	for i := range ids {
		w.remember(identify("hookspan.events.shop", "/sources/shop", strconv.Itoa(i)), 0, noon.Add(time.Duration(i)*72*time.Hour/ids))
	}
	perID := float64(heap()-before) / ids
	if w.size() != ids {
		t.Fatalf("%d ids of %d are kept", w.size(), ids)
	}
	t.Logf("%.1f B per id", perID)
	if perID > 44 {
		t.Errorf("%.1f B per id, want at most 44", perID)
	}
	runtime.KeepAlive(w)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkIdentify(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		identify("hookspan.events.shop", "/sources/shop", "0f0e7a52-6f3c-4b5e-9c7e-2a4a5d0c9b11")
	}
}

func BenchmarkWindow(b *testing.B) {
	for _, n := range []int{0, 1_000_000} {
		b.Run(fmt.Sprintf("kept=%d", n), func(b *testing.B) {
			w := newWindow(72 * time.Hour)
			for i := range n {
				w.remember(fingerprint{hi: uint64(i) * 0x9e3779b97f4a7c15, lo: uint64(i) * 0xc2b2ae3d27d4eb4f}, 0, noon.Add(-time.Duration(i%70)*time.Hour))
			}
			since := noon.Add(-72 * time.Hour)
			b.ReportAllocs()
			i := uint64(n)
			for b.Loop() {
				i++
				f := fingerprint{hi: i * 0x9e3779b97f4a7c15, lo: i * 0xc2b2ae3d27d4eb4f}
				_, fl, _ := w.claim(f, 1, since, &flight{})
				w.settle(f, fl, noon, nil)
			}
		})
	}
}
