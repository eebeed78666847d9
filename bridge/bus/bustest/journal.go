package bustest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
)

func readJournal(t *testing.T, s bus.Store, shard int, from int64) (entries []string, positions []int64) {
	t.Helper()
	err := s.ReadJournal(within(t), shard, from, func(pos int64, data []byte) error {
		entries, positions = append(entries, string(data)), append(positions, pos)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries, positions
}

func journalInOrder(t *testing.T, s bus.Store) {
	const n = 40
	var want []string
	var positions []int64
	for i := range n {
		want = append(want, fmt.Sprintf("attempt %d", i))
		pos, err := appendEntry(t, s, 3, []byte(want[i]))
		if err != nil {
			t.Fatal(err)
		}
		positions = append(positions, pos)
	}
	entries, at := readJournal(t, s, 3, bus.NoPosition)
	if !slices.Equal(entries, want) || !slices.Equal(at, positions) {
		t.Errorf("came back: %q at %v, appended at %v", entries, at, positions)
	}
	if entries, _ = readJournal(t, s, 3, positions[n-2]); !slices.Equal(entries, want[n-2:]) {
		t.Errorf("from the last but one: %q", entries)
	}
	if entries, _ = readJournal(t, s, 3, positions[n-1]+1); len(entries) != 0 {
		t.Errorf("behind the last: %q", entries)
	}
	mine := errors.New("mine")
	if err := s.ReadJournal(within(t), 3, 0, func(int64, []byte) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("an error of each came back as %v", err)
	}
}

func journalOfShard(t *testing.T, s bus.Store) {
	var all sync.WaitGroup
	for shard := range 4 {
		all.Go(func() {
			for range 10 {
				if _, err := appendEntry(t, s, shard, fmt.Appendf(nil, "shard %d", shard)); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	all.Wait()
	for shard := range 4 {
		entries, _ := readJournal(t, s, shard, bus.NoPosition)
		if len(entries) != 10 || slices.ContainsFunc(entries, func(e string) bool { return e != fmt.Sprintf("shard %d", shard) }) {
			t.Errorf("shard %d holds %q", shard, entries)
		}
	}
}

func journalSpan(t *testing.T, s bus.Store) {
	if first, last, err := s.JournalSpan(within(t), 5); err != nil || first != bus.NoPosition || last != bus.NoPosition {
		t.Errorf("of an empty journal: %d %d %v", first, last, err)
	}
	var positions []int64
	for range 3 {
		for shard := range 6 {
			pos, err := appendEntry(t, s, shard, []byte("attempt"))
			if err != nil {
				t.Fatal(err)
			}
			if shard == 5 {
				positions = append(positions, pos)
			}
		}
	}
	if first, last, err := s.JournalSpan(within(t), 5); err != nil || first != positions[0] || last != positions[2] {
		t.Errorf("span %d %d %v, appended at %v", first, last, err, positions)
	}
}

func refusals(t *testing.T, s bus.Refusals) {
	read := func(limit int) (got []string) {
		err := s.Refusals(within(t), limit, func(data []byte) error {
			got = append(got, string(data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read(5); len(got) != 0 {
		t.Errorf("an empty log holds %q", got)
	}
	for n := range 10 {
		if err := s.AppendRefusal(within(t), fmt.Appendf(nil, "refusal %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(3); !slices.Equal(got, []string{"refusal 9", "refusal 8", "refusal 7"}) {
		t.Errorf("the newest three: %q", got)
	}
	if got := read(100); len(got) != 10 {
		t.Errorf("%d of 10", len(got))
	}
}
