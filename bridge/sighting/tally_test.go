package sighting_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/sighting"
)

const part bus.Partition = "EVENTS"

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func at(seq int64) bus.Position { return bus.Position{Identity: "one", Seq: seq} }

// messages are events with these sequences, each stored a second behind the one before.
func messages(kind string, seqs ...int64) (all []bus.Message) {
	for _, n := range seqs {
		all = append(all, bus.Message{
			Topic: "t." + kind, Partition: part, Position: at(n), Stored: noon.Add(time.Duration(n) * time.Second),
			Event: &event.Event{ID: fmt.Sprint(n), Source: "/shop", Type: kind, DataContentType: "application/json"},
		})
	}
	return all
}

// span is a partition with these sequences.
func span(first, last int64) bus.Span {
	return bus.Span{Partition: part, Identity: "one", First: first, End: at(last)}
}

// figures are the counts of types, and what the report says beside.
func figures(t *sighting.Tally) string {
	r := t.Report()
	var text []string
	for _, x := range r.Types {
		text = append(text, fmt.Sprintf("%s:%d", x.Type, x.Count))
	}
	return fmt.Sprintf("%s events %d missed %d unlisted %d", strings.Join(text, " "), r.Events, r.Missed, r.Unlisted)
}

func wants(t *testing.T, tally *sighting.Tally, want string) {
	t.Helper()
	if got := figures(tally); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestEachEventCountsOnce(t *testing.T) {
	t.Parallel()
	tally := sighting.New()
	tally.Take(part, at(3), at(6), messages("a", 4, 6))
	tally.Take(part, at(3), at(6), messages("a", 4, 6))                              // again
	tally.Take(part, at(4), at(8), append(messages("a", 6), messages("b", 7, 8)...)) // it laps over
	tally.Take(part, at(0), at(2), messages("a", 1, 2))                              // a reader that is behind
	tally.Take(part, at(10), at(11), messages("a", 11))                              // a gap, for whoever looks at what is stored
	wants(t, tally, "a:2 b:2 events 4 missed 0 unlisted 0")
	tally.Take(part, at(8), at(11), messages("a", 9, 10, 11)) // who does
	wants(t, tally, "a:5 b:2 events 7 missed 0 unlisted 0")
	far := int64(11 + sighting.Reach + 1)
	tally.Take(part, at(far), at(far+1), messages("a", far+1)) // a gap that nobody will look at
	wants(t, tally, fmt.Sprintf("a:6 b:2 events 8 missed %d unlisted 0", sighting.Reach+1))
	tally.Take("OTHER", at(0), at(1), messages("a", 1))
	tally.Take(part, bus.Position{Identity: "two"}, bus.Position{Identity: "two", Seq: 1}, messages("a", 1)) // made anew
	wants(t, tally, fmt.Sprintf("a:8 b:2 events 10 missed %d unlisted 0", sighting.Reach+1))

	broken := messages("a", far+2)
	broken[0].Fault = "it has no id"
	marked := messages("hookspan.aside.discarded", far+3) // says what became of another event
	marked[0].Event.Source = "/hookspan"
	tally = sighting.New()
	tally.Take(part, at(far+1), at(far+3), append(broken, marked...))
	wants(t, tally, " events 0 missed 0 unlisted 0")
}

func TestWhatIsSeenOfAType(t *testing.T) {
	t.Parallel()
	tally := sighting.New()
	all := messages("a", 5, 2, 9)
	slices.Reverse(all[1:]) // stored 5, 9, 2 seconds behind noon, as clocks have it
	all[0].Position, all[1].Position, all[2].Position = at(1), at(2), at(3)
	all[1].Event.Source, all[1].Event.DataSchema = "/crm", "https://s.example/a"
	tally.Take(part, at(0), at(3), all)
	got := tally.Report().Types[0]
	if !got.First.Equal(noon.Add(2*time.Second)) || !got.Last.Equal(noon.Add(9*time.Second)) || got.Newest != (sighting.Place{Partition: part, Position: at(2)}) {
		t.Errorf("first %s, last %s, newest %v", got.First, got.Last, got.Newest)
	}
	if text := fmt.Sprint(got.Sources, got.MoreSources, got.Topics, got.ContentTypes, got.DataSchemas); text != "[/shop /crm] false [t.a] [application/json] [https://s.example/a]" {
		t.Error(text)
	}
	if since := tally.Report().Since; !since.Equal(all[0].Stored) {
		t.Errorf("counted since %s, want %s", since, all[0].Stored)
	}
	tally.Take("OTHER", at(20), at(22), messages("a", 21, 22)) // later: all are counted since then
	if since := tally.Report().Since; !since.Equal(noon.Add(21 * time.Second)) {
		t.Errorf("counted since %s", since)
	}
}

// What is found in front of what was counted is put there once; what began meanwhile is not doubled.
func TestPrepend(t *testing.T) {
	t.Parallel()
	tally := sighting.New()
	tally.Take(part, at(10), at(12), messages("a", 11, 12))
	earlier := sighting.New()
	earlier.Take(part, at(4), at(10), append(messages("a", 5), messages("b", 6, 10)...))
	s, _ := tally.Begin(span(1, 12), tally.Places()[part])
	if s.Whole || s.From != at(10) || s.At != at(12) {
		t.Errorf("the stretch is %+v", s)
	}
	tally.Prepend(part, at(4), at(9), earlier) // not where it begins
	tally.Prepend(part, at(4), bus.Position{Identity: "two", Seq: 10}, earlier)
	wants(t, tally, "a:2 events 2 missed 0 unlisted 0")
	tally.Prepend(part, at(4), at(10), earlier)
	wants(t, tally, "a:3 b:2 events 5 missed 0 unlisted 0")
	if r := tally.Report(); !r.Since.Equal(noon.Add(5*time.Second)) || !r.Types[0].First.Equal(r.Since) || r.Types[0].Newest.Position != at(12) {
		t.Errorf("report: %+v", r)
	}
	if s, _ := tally.Begin(span(1, 12), tally.Places()[part]); !s.Whole || s.From != at(4) {
		t.Errorf("the stretch is %+v", s)
	}
	tally.Skip(part, at(20))
	tally.Skip(part, at(15))
	tally.Take(part, at(20), at(21), messages("b", 21))
	wants(t, tally, "a:3 b:3 events 6 missed 8 unlisted 0")
	tally.Begin(span(1, 2), tally.Places()[part]) // cut back
	tally.Take(part, at(2), at(3), messages("b", 3))
	wants(t, tally, "a:3 b:4 events 7 missed 8 unlisted 0")
	if s, _ := sighting.New().Begin(span(1, 7), bus.Position{}); s.Whole || s.From != at(7) || s.At != at(7) {
		t.Errorf("a new stretch is %+v", s)
	}
}

// A reader that goes further while the bus is asked for the end is not taken for a cut back.
func TestAReaderOvertakesTheEnd(t *testing.T) {
	t.Parallel()
	tally := sighting.New()
	tally.Take(part, at(99), at(100), messages("a", 100))
	before := tally.Places()[part]
	tally.Take(part, at(100), at(105), messages("a", 101, 102, 103, 104, 105))
	if s, _ := tally.Begin(span(1, 100), before); s.At != at(105) {
		t.Errorf("counted up to %v", s.At)
	}
	tally.Take(part, at(100), at(106), messages("a", 101, 102, 103, 104, 105, 106)) // whoever looks at what is stored
	tally.Take(part, at(106), at(107), messages("a", 107))
	wants(t, tally, "a:8 events 8 missed 0 unlisted 0")
	none := sighting.New() // of which nothing was known before
	none.Take(part, at(100), at(105), messages("a", 101, 102, 103, 104, 105))
	if s, _ := none.Begin(span(1, 100), bus.Position{}); s.At != at(105) {
		t.Errorf("a new one is counted up to %v", s.At)
	}
}

// What a slow reader brings of a partition after it was made anew does not replace the new one.
func TestAReplacedPartitionComesLate(t *testing.T) {
	t.Parallel()
	tally := sighting.New()
	two := func(n int64) bus.Position { return bus.Position{Identity: "two", Seq: n} }
	tally.Take(part, at(3), at(5), messages("a", 4, 5))
	tally.Take(part, two(0), two(1), messages("b", 1))
	tally.Take(part, at(5), at(7), messages("a", 6, 7)) // late
	tally.Skip(part, at(9))
	if _, ok := tally.Begin(span(1, 7), at(5)); ok {
		t.Error("the replaced one begins")
	}
	tally.Take(part, two(0), two(2), messages("b", 1, 2))
	wants(t, tally, "a:2 b:2 events 4 missed 0 unlisted 0")
	if place := tally.Places()[part]; place != two(2) {
		t.Errorf("counted up to %v", place)
	}
}

// The first event of a partition of which all is counted does not move the time since when all is.
func TestSinceOfANewPartition(t *testing.T) {
	t.Parallel()
	tally := sighting.New()
	since := func(seconds int64) {
		t.Helper()
		if got, want := tally.Report().Since, noon.Add(time.Duration(seconds)*time.Second); !got.Equal(want) {
			t.Errorf("counted since %s, want %s", got, want)
		}
	}
	look := func(p bus.Partition, first, last, lo int64) {
		s, _ := tally.Begin(bus.Span{Partition: p, Identity: "one", First: first, End: at(last)}, tally.Places()[p])
		earlier := sighting.New()
		if s.From.Seq > lo {
			earlier.Take(p, at(lo), s.From, messages("a", s.From.Seq))
		}
		tally.Prepend(p, at(lo), s.From, earlier)
	}
	look(part, 3, 8, 2)
	look("NEW", 1, 0, 0)
	since(8)
	tally.Take("NEW", at(0), at(50), messages("b", 50))
	since(8) // all of both
	look("LONG", 1, 40, 30)
	since(40) // some lie before it
	tally.Take("OTHER", at(0), at(60), messages("b", 60))
	since(60) // nobody has looked before it
	look("OTHER", 1, 60, 0)
	since(40)
}

// Invented types, sources and topics take no more room than a bounded number of them.
func TestAFloodOfTypesTakesBoundedMemory(t *testing.T) {
	flood := func(tally *sighting.Tally, from, to int64) {
		for n := from; n < to; n++ {
			m := messages(fmt.Sprintf("%d.%s", n, strings.Repeat("x", int(n%700))), n)
			m[0].Event.Source = fmt.Sprintf("/%d/%s", n, strings.Repeat("y", int(n%300)))
			tally.Take(part, at(n-1), at(n), m)
			k := messages("known", n) // many sources of one type
			k[0].Event.Source, k[0].Event.DataSchema, k[0].Event.DataContentType, k[0].Topic, k[0].Partition = m[0].Event.Source, m[0].Event.Source, fmt.Sprint("text/", n), fmt.Sprint("t.", n), "OTHER"
			tally.Take("OTHER", at(n-1), at(n), k)
		}
	}
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	tally := sighting.New()
	flood(tally, 1, 5000)
	before := held()
	flood(tally, 5000, 50_000)
	if after := held(); after > before+256<<10 {
		t.Errorf("%d bytes more", after-before)
	}
	r := tally.Report()
	if len(r.Types) != 2000 || r.Unlisted < 47_000 || r.Events != 2*49_999 {
		t.Errorf("%d types, %d events unlisted of %d", len(r.Types), r.Unlisted, r.Events)
	}
	for _, x := range r.Types {
		if x.Type == "known" && (len(x.Sources) != 16 || !x.MoreSources || len(x.Topics) != 8 || !x.MoreTopics || len(x.ContentTypes) != 4 || len(x.DataSchemas) != 4) {
			t.Errorf("kept: %+v", x)
		}
		if len(x.Type) > 512 {
			t.Errorf("a type of %d bytes is kept", len(x.Type))
		}
	}
}

func TestManyMayFeedATally(t *testing.T) {
	t.Parallel()
	tally := sighting.New()
	var feeds sync.WaitGroup
	for range 4 {
		feeds.Go(func() {
			for n := int64(1); n <= 500; n++ {
				tally.Take(part, at(n-1), at(n), messages("a", n))
				tally.Report()
			}
		})
	}
	feeds.Wait()
	wants(t, tally, "a:500 events 500 missed 0 unlisted 0")
}

// An event of a known type takes no memory.
func TestAKnownTypeAllocatesNothing(t *testing.T) {
	tally := sighting.New()
	batch := messages("com.sticker.order.shipped", 1, 2, 3, 4)
	n := int64(0)
	if each := testing.AllocsPerRun(100, func() {
		for i := range batch {
			n++
			batch[i].Position.Seq = n
		}
		tally.Take(part, at(n-4), at(n), batch)
	}); each != 0 {
		t.Errorf("%v allocations for four events", each)
	}
}

func BenchmarkTake(b *testing.B) {
	for _, size := range []int{1, 64} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			tally := sighting.New()
			var batch []bus.Message
			for i := range size {
				batch = append(batch, messages(fmt.Sprintf("com.sticker.order.%d", i%20), 1)...)
			}
			n := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				for i := range batch {
					n++
					batch[i].Position.Seq = n
				}
				tally.Take(part, at(n-int64(size)), at(n), batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
		})
	}
}
