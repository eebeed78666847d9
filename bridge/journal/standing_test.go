package journal_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/journal"
)

// other is an attempt of the same number by an owner that does not know that it lost its shard.
func other(n, number int, o delivery.Outcome) delivery.Attempt {
	a := try(n, number, o)
	a.Sent, a.Received = a.Sent.Add(100*time.Millisecond), a.Received.Add(100*time.Millisecond)
	return a
}

// ended is the end of a delivery without a POST.
func ended(n, number int, why delivery.Ended) delivery.Attempt {
	return delivery.Attempt{
		Delivery: fmt.Sprintf("dlv_%d", n), Endpoint: "ep_crm", Event: ref(n), Number: number,
		Received: noon.Add(time.Hour), Outcome: delivery.Discarded, Ended: why,
	}
}

func numbers(d journal.Delivery) string {
	text := ""
	for _, a := range d.Attempts {
		text += fmt.Sprint(a.Number)
	}
	return text
}

func TestTheNumbersSayWhereADeliveryStands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		records  []delivery.Attempt
		status   journal.Status
		attempts string
		next     int // number of the next attempt
	}{
		{"an attempt that was recorded late", []delivery.Attempt{try(1, 2, delivery.Delivered), try(1, 1, "")}, journal.Delivered, "12", 3},
		{"a batch that is there twice", []delivery.Attempt{try(1, 1, ""), try(1, 2, delivery.Delivered), try(1, 1, ""), try(1, 2, delivery.Delivered)}, journal.Delivered, "12", 3},
		{"two owners, the first succeeds", []delivery.Attempt{try(1, 1, delivery.Delivered), other(1, 1, "")}, journal.Delivered, "11", 2},
		{"two owners, the second succeeds", []delivery.Attempt{try(1, 1, ""), other(1, 1, delivery.Delivered)}, journal.Delivered, "11", 2},
		{"two owners, both fail", []delivery.Attempt{try(1, 1, ""), other(1, 1, "")}, journal.Pending, "11", 2},
		{"two ends, success stands", []delivery.Attempt{try(1, 3, delivery.Failed), other(1, 3, delivery.Delivered)}, journal.Delivered, "33", 4},
		{"two ends, success stands in either order", []delivery.Attempt{try(1, 3, delivery.Delivered), other(1, 3, delivery.Failed)}, journal.Delivered, "33", 4},
		{"the end of an attempt that the owner is past", []delivery.Attempt{try(1, 1, ""), try(1, 2, ""), try(1, 3, ""), other(1, 1, delivery.Failed)}, journal.Pending, "1123", 4},
		{"discarded, then the attempt of another", []delivery.Attempt{try(1, 1, ""), ended(1, 2, delivery.EndedExpired), other(1, 2, "")}, journal.Discarded, "12", 3},
		{"discarded, delivered by another", []delivery.Attempt{try(1, 1, ""), ended(1, 2, delivery.EndedExpired), other(1, 2, delivery.Delivered)}, journal.Delivered, "12", 3},
		{"tried again by hand", []delivery.Attempt{try(1, 1, delivery.Failed), try(1, 2, "")}, journal.Pending, "12", 3},
		{"tried again by hand, and its end once more", []delivery.Attempt{try(1, 1, delivery.Delivered), try(1, 2, ""), try(1, 1, delivery.Delivered)}, journal.Pending, "12", 3},
		{"discarded has a next attempt too", []delivery.Attempt{ended(1, 1, delivery.EndedExpired)}, journal.Discarded, "", 2},
	} {
		ix := journal.New(journal.Options{})
		for _, a := range c.records {
			ix.Attempted(a)
		}
		d, _ := ix.Get("dlv_1")
		if d.Status != c.status || numbers(d) != c.attempts || d.Entry().Number != c.next {
			t.Errorf("%s: %s after %q, next %d; want %s after %q, next %d", c.name, d.Status, numbers(d), d.Entry().Number, c.status, c.attempts, c.next)
		}
	}
}

func TestAnEntryThatIsBehindTheJournalChangesNothing(t *testing.T) {
	t.Parallel()
	entry := func(number int) delivery.Entry {
		return delivery.Entry{ID: "dlv_1", Endpoint: "ep_crm", Event: ref(1), Number: number, Due: noon.Add(time.Hour), Created: noon}
	}
	for _, c := range []struct {
		name   string
		record delivery.Attempt
		entry  delivery.Entry
		status journal.Status
		next   time.Time
	}{
		{"delivered since", try(1, 2, delivery.Delivered), entry(2), journal.Delivered, time.Time{}},
		{"tried since", try(1, 2, ""), entry(2), journal.Pending, try(1, 2, "").Next},
		{"as the journal says", try(1, 2, ""), entry(3), journal.Pending, noon.Add(time.Hour)},
		{"discarded since", ended(1, 2, delivery.EndedExpired), entry(2), journal.Discarded, time.Time{}},
		{"taken up again", try(1, 2, delivery.Delivered), entry(3), journal.Pending, noon.Add(time.Hour)},
	} {
		for _, entryFirst := range []bool{false, true} {
			ix := journal.New(journal.Options{})
			if entryFirst {
				ix.Waiting(c.entry)
			}
			p := newTape()
			p.write(t, 0, c.record)
			if err := ix.Load(t.Context(), p, 1); err != nil {
				t.Fatal(err)
			}
			if !entryFirst {
				ix.Waiting(c.entry)
			}
			if d, _ := ix.Get("dlv_1"); d.Status != c.status || !d.NextAttempt.Equal(c.next) || !d.Created.Equal(noon) {
				t.Errorf("%s, entry first %v: %+v", c.name, entryFirst, d)
			}
		}
	}
}

func TestAnEndThatComesTwiceDoesNotEndWhatWasTakenUpAgain(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{})
	ix.Attempted(try(1, 1, delivery.Delivered))
	ix.Waiting(delivery.Entry{ID: "dlv_1", Endpoint: "ep_crm", Event: ref(1), Number: 2, Due: noon.Add(time.Hour), Created: noon})
	ix.Attempted(try(1, 1, delivery.Delivered))
	if d, _ := ix.Get("dlv_1"); d.Status != journal.Pending || numbers(d) != "1" {
		t.Errorf("%s after %s", d.Status, numbers(d))
	}
}

// TestRecordsMayComeInAnyOrder has two owners work on the same deliveries. Whatever order their
// records come in, and however often, all of them are shown, and what was delivered by the last
// attempt that anybody made stays so.
func TestRecordsMayComeInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		last := rapid.IntRange(1, 5).Draw(t, "last")
		var records []delivery.Attempt
		for number := 1; number < last; number++ {
			records = append(records, try(1, number, ""))
		}
		records = append(records, try(1, last, delivery.Delivered))
		for range rapid.IntRange(0, 3).Draw(t, "others") {
			outcome := rapid.SampledFrom([]delivery.Outcome{"", delivery.Failed}).Draw(t, "outcome")
			records = append(records, other(1, rapid.IntRange(1, last).Draw(t, "number"), outcome))
		}
		distinct := map[string]bool{}
		for _, a := range records {
			distinct[fmt.Sprint(a.Number, a.Sent)] = true
		}
		records = append(records, records...)
		ix := journal.New(journal.Options{Ended: 1})
		seen := false
		for _, a := range rapid.Permutation(records).Draw(t, "order") {
			ix.Attempted(a)
			d, ok := ix.Get("dlv_1")
			if !ok {
				t.Fatal("the only delivery was forgotten")
			}
			seen = seen || a.Outcome == delivery.Delivered
			if seen && d.Status != journal.Delivered {
				t.Fatalf("%s after it was delivered by attempt %d", d.Status, last)
			}
		}
		d, _ := ix.Get("dlv_1")
		if len(d.Attempts) != len(distinct) || !slices.IsSortedFunc(d.Attempts, func(a, b journal.Attempt) int { return a.Number - b.Number }) {
			t.Fatalf("%d attempts were made, shown are %s", len(distinct), numbers(d))
		}
	})
}
