package statelog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

func recordOf(id string, number int, o delivery.Outcome) delivery.Attempt {
	return delivery.Attempt{Delivery: id, Number: number, Outcome: o}
}

// What the journal says about a delivery, with and without an entry that waits for its
// second attempt.
func TestPast(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		entry   int // number of the attempt it waits for; 0: no entry
		records []delivery.Attempt
		done    bool
		next    int // number of the attempt that comes next, as far as the journal tells; 0: unknown
	}{
		"final":                                {0, []delivery.Attempt{recordOf("d", 1, delivery.Delivered)}, true, 0},
		"failed":                               {0, []delivery.Attempt{recordOf("d", 1, "")}, false, 2},
		"failed twice":                         {0, []delivery.Attempt{recordOf("d", 1, ""), recordOf("d", 2, "")}, false, 3},
		"failed, a batch written twice":        {0, []delivery.Attempt{recordOf("d", 1, ""), recordOf("d", 2, ""), recordOf("d", 1, "")}, false, 3},
		"failed, then final":                   {0, []delivery.Attempt{recordOf("d", 1, ""), recordOf("d", 2, delivery.Delivered)}, true, 0},
		"final, then a late copy of a failure": {0, []delivery.Attempt{recordOf("d", 2, delivery.Delivered), recordOf("d", 1, "")}, true, 0},
		"entry and its final":                  {2, []delivery.Attempt{recordOf("d", 2, delivery.Delivered)}, true, 2},
		"entry and a later final":              {2, []delivery.Attempt{recordOf("d", 3, delivery.Delivered)}, true, 2},
		"entry and an earlier final":           {2, []delivery.Attempt{recordOf("d", 1, delivery.Delivered)}, false, 2},
		"entry and its failure":                {2, []delivery.Attempt{recordOf("d", 2, "")}, false, 3},
		"entry and an earlier failure":         {2, []delivery.Attempt{recordOf("d", 1, "")}, false, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, logged := NewState(), delivery.Entry{ID: "d", Number: c.entry}
			if c.entry > 0 {
				st.Entries["d"] = &logged
			}
			p := NewPast()
			for _, a := range c.records {
				p.Add(&st, a)
			}
			next := 0
			if f, ok := p.Failed["d"]; ok {
				next = f.Number + 1
			}
			if e := st.Entries["d"]; e != nil {
				next = e.Number
			}
			if _, done := p.Done["d"]; done != c.done || next != c.next {
				t.Errorf("done %v, next attempt %d, want %v and %d", done, next, c.done, c.next)
			}
			if want := (delivery.Entry{ID: "d", Number: c.entry}); logged != want {
				t.Errorf("the log's own entry is %+v, want it as it was", logged)
			}
		})
	}
}

// What an endpoint asked for holds it where it asked. Of an earlier version's records, which do not say
// where, that is as the state says.
func TestWhatWasAskedForStaysWithItsURL(t *testing.T) {
	t.Parallel()
	const here, there = "https://here.example", "https://there.example"
	began := time.Unix(1000, 0)
	type said struct {
		url string // "" by an earlier version
		min int    // that it asked for
	}
	for name, c := range map[string]struct {
		held Hold
		said []said
		want int
	}{
		"here":                                 {Hold{}, []said{{here, 5}}, 5},
		"there":                                {Hold{}, []said{{there, 5}}, 0},
		"there, for longer":                    {Hold{}, []said{{here, 5}, {there, 9}}, 5},
		"earlier":                              {Hold{}, []said{{"", 5}}, 5},
		"earlier, here by the state":           {Hold{At: HashOf(here)}, []said{{"", 5}}, 5},
		"earlier, there by the state":          {Hold{At: HashOf(there)}, []said{{"", 5}}, 0},
		"here, while the state is of there":    {Hold{At: HashOf(there)}, []said{{here, 5}, {"", 9}}, 5},
		"earlier for longer than it says here": {Hold{}, []said{{here, 5}, {"", 9}}, 9},
		"lifted":                               {Hold{Lifted: began.UnixNano()}, []said{{here, 5}}, 0},
	} {
		st, p := NewState(), NewPast()
		st.Held["ep"] = c.held
		for n, x := range c.said {
			a := recordOf("d", n+1, "")
			a.Endpoint, a.Received, a.Hold = "ep", began, began.Add(time.Duration(x.min)*time.Minute)
			if x.url != "" {
				a.HoldAt = HashOf(x.url)
			}
			p.Add(&st, a)
		}
		if got := max(p.AskedAt(&st, "ep", here).Sub(began), 0); got != time.Duration(c.want)*time.Minute {
			t.Errorf("%s: held for %v, want %d minutes", name, got, c.want)
		}
	}
}

// A torn journal is read a little at a time: each reading breaks off.
type torn struct {
	entries [][]byte
	most    int // entries of one reading
	read    []int64
}

func (j *torn) AppendJournal(_ context.Context, _ int, data []byte) (int64, error) {
	j.entries = append(j.entries, data)
	return int64(len(j.entries)) - 1, nil
}

func (j *torn) JournalSpan(context.Context, int) (first, last int64, err error) {
	return 0, int64(len(j.entries)) - 1, nil
}

func (j *torn) ReadJournal(_ context.Context, _ int, from int64, each func(int64, []byte) error) error {
	for pos := from; pos < int64(len(j.entries)); pos++ {
		if pos == from+int64(j.most) {
			return fmt.Errorf("%w: the reader was cut off", bus.ErrUnavailable)
		}
		if err := each(pos, j.entries[pos]); err != nil {
			return err
		}
		j.read = append(j.read, pos)
	}
	return nil
}

// A reading that is cut off goes on where it came, and one that does not get on ends.
func TestAPastThatIsCutOff(t *testing.T) {
	t.Parallel()
	for most, whole := range map[int]bool{2: true, 1: true, 0: false} {
		j := &torn{most: most}
		for _, id := range []string{"before", "a", "b", "c", "d", "e"} {
			a := recordOf(id, 1, delivery.Delivered)
			if _, err := j.AppendJournal(t.Context(), 0, delivery.AppendAttempt(delivery.NewBatch(1), &a)); err != nil {
				t.Fatal(err)
			}
		}
		st := NewState()
		st.Journal = 0
		p, err := ReadPast(t.Context(), j, 0, &st, slog.New(slog.DiscardHandler))
		switch {
		case !whole && !errors.Is(err, bus.ErrUnavailable):
			t.Errorf("%d entries a reading: %v", most, err)
		case whole && err != nil:
			t.Errorf("%d entries a reading: %v", most, err)
		case whole && (len(p.Done) != 5 || p.End != 5 || !slices.Equal(j.read, []int64{1, 2, 3, 4, 5})):
			t.Errorf("%d entries a reading: %d deliveries are done, up to %d; read %v", most, len(p.Done), p.End, j.read)
		}
	}
}
