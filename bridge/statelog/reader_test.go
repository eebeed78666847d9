package statelog

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

const part bus.Partition = "EVENTS"

func put(ids ...string) Record {
	r := Record{Version: Version, Kind: Delta}
	for _, id := range ids {
		r.Put = append(r.Put, &delivery.Entry{ID: id})
	}
	return r
}

func (r Record) remove(ids ...string) Record { r.Remove = ids; return r }

func (r Record) at(seq int64) Record {
	r.Positions = bus.Positions{part: {Identity: "i", Seq: seq}}
	return r
}

func (r Record) of(begin int64, k Kind) Record {
	r.Kind, r.Begin = k, begin
	return r
}

func (r Record) ends(begin int64, chunks int) Record {
	r.Kind, r.Begin, r.Chunks = End, begin, chunks
	return r
}

// What a log amounts to. Records lie at 1, 2, 3, …; a trimmed log has lost what lay in front.
func TestReading(t *testing.T) {
	t.Parallel()
	claim := Record{Version: Version, Kind: Claim}
	cases := map[string]struct {
		trimmed  bool
		log      []Record
		entries  string
		at       int64
		complete int64 // begin of the newest complete snapshot
		err      error
	}{
		"empty":                  {complete: bus.NoPosition},
		"deltas":                 {log: []Record{claim, put("a", "b").at(3), put("c").remove("a").at(5)}, entries: "b c", at: 5, complete: bus.NoPosition},
		"positions not named":    {log: []Record{put("a").at(3), put("b")}, entries: "a b", at: 3, complete: bus.NoPosition},
		"snapshot":               {trimmed: true, log: []Record{Record{}.at(4).of(0, Begin), put("a", "b").of(1, Chunk), Record{}.ends(1, 1)}, entries: "a b", at: 4, complete: 1},
		"snapshot in two chunks": {trimmed: true, log: []Record{Record{}.at(4).of(0, Begin), put("a").of(1, Chunk), put("b").of(1, Chunk), Record{}.ends(1, 2)}, entries: "a b", at: 4, complete: 1},
		// The chunk was made before the delta that removes, or after the one that puts.
		"deltas between":                  {trimmed: true, log: []Record{Record{}.at(4).of(0, Begin), put("a", "b").of(1, Chunk), put("c").remove("a").at(6), put("d").of(1, Chunk), Record{}.ends(1, 2)}, entries: "b c d", at: 6, complete: 1},
		"deltas behind the end":           {trimmed: true, log: []Record{Record{}.at(4).of(0, Begin), put("a").of(1, Chunk), Record{}.ends(1, 1), put("b").remove("a").at(7)}, entries: "b", at: 7, complete: 1},
		"snapshot over what was":          {log: []Record{put("x").at(1), put().remove("x").at(2), Record{}.at(2).of(0, Begin), Record{}.ends(3, 0)}, at: 2, complete: 3},
		"a chunk is missing":              {trimmed: true, log: []Record{Record{}.at(4).of(0, Begin), put("a").of(1, Chunk), Record{}.ends(1, 2)}, err: ErrDamaged},
		"no end":                          {trimmed: true, log: []Record{Record{}.at(4).of(0, Begin), put("a").of(1, Chunk)}, err: ErrDamaged},
		"no begin":                        {trimmed: true, log: []Record{put("a").of(7, Chunk), Record{}.ends(7, 1)}, err: ErrDamaged},
		"its author was superseded":       {trimmed: true, log: []Record{Record{}.at(4).of(0, Begin), put("a").of(1, Chunk), claim, Record{}.ends(1, 1)}, err: ErrDamaged},
		"incomplete, nothing lost":        {log: []Record{put("a").at(1), Record{}.of(0, Begin), claim, put("b").at(2)}, entries: "a b", at: 2, complete: bus.NoPosition},
		"two snapshots":                   {trimmed: true, log: []Record{Record{}.at(1).of(0, Begin), put("a").of(1, Chunk), Record{}.ends(1, 1), put("b").remove("a").at(2), Record{}.at(2).of(0, Begin), put("b").of(5, Chunk), Record{}.ends(5, 1)}, entries: "b", at: 2, complete: 5},
		"the second one is cut off":       {trimmed: true, log: []Record{Record{}.at(1).of(0, Begin), put("a").of(1, Chunk), Record{}.ends(1, 1), put("b").at(2), Record{}.at(2).of(0, Begin), claim}, entries: "a b", at: 2, complete: 1},
		"trimmed, deltas alone":           {trimmed: true, log: []Record{put("a").at(1)}, err: ErrDamaged},
		"a newer format":                  {log: []Record{{Version: Version + 1, Kind: Delta}}, err: bus.ErrNewerFormat},
		"an unknown kind":                 {log: []Record{{Version: Version, Kind: "merge"}}, err: bus.ErrNewerFormat},
		"a chunk of an earlier attempt":   {trimmed: true, log: []Record{Record{}.of(0, Begin), put("old").of(1, Chunk), Record{}.at(3).of(0, Begin), put("a").of(3, Chunk), put("old").of(1, Chunk), Record{}.ends(3, 1)}, entries: "a", at: 3, complete: 3},
		"the end of an earlier attempt":   {trimmed: true, log: []Record{Record{}.of(0, Begin), Record{}.of(0, Begin), Record{}.ends(1, 0)}, err: ErrDamaged},
		"a claim unsays the handing over": {log: []Record{{Version: Version, Kind: Delta, HandOver: true}, claim}, complete: bus.NoPosition},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rd, prev := NewReader(), bus.NoPosition
			if c.trimmed {
				prev = 0
			}
			var err error
			for i, r := range c.log {
				data, _ := json.Marshal(r)
				if err = rd.Add(bus.Record{Pos: int64(i) + 1, Prev: prev, Data: data}); err != nil {
					break
				}
				prev = int64(i) + 1
			}
			var st State
			if err == nil {
				st, err = rd.State()
			}
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if c.err != nil {
				return
			}
			entries := strings.Join(slices.Sorted(maps.Keys(st.Entries)), " ")
			if entries != c.entries || st.Positions[part].Seq != c.at || rd.snapshots.Complete() != c.complete || st.HandOver {
				t.Errorf("entries %q, position %d, complete snapshot %d, handed over %v, want %q, %d, %d, false",
					entries, st.Positions[part].Seq, rd.snapshots.Complete(), st.HandOver, c.entries, c.at, c.complete)
			}
		})
	}
}

func TestUnreadableRecordIsAnError(t *testing.T) {
	t.Parallel()
	if err := NewReader().Add(bus.Record{Data: []byte("{")}); err == nil {
		t.Error("half a record was read")
	}
}

// What an endpoint is held by is in deltas as a difference, and whole in a snapshot. A version that
// wrote before there were breakers wrote none.
func TestReadingOfBreakers(t *testing.T) {
	t.Parallel()
	open, later := Breaker{Since: 1, Next: 2, Wait: 3, At: "a"}, Breaker{Since: 1, Next: 9, Wait: 6, At: "a"}
	of := func(k Kind, breakers map[string]Breaker) Record {
		return Record{Version: Version, Kind: k, Breakers: breakers}
	}
	for name, c := range map[string]struct {
		trimmed bool
		log     []Record
		want    map[string]Breaker
	}{
		"none":       {log: []Record{put("a")}, want: map[string]Breaker{}},
		"deltas":     {log: []Record{of(Delta, map[string]Breaker{"e": open, "f": open}), put("a"), of(Delta, map[string]Breaker{"e": later, "f": {}})}, want: map[string]Breaker{"e": later}},
		"a snapshot": {trimmed: true, log: []Record{of(Begin, map[string]Breaker{"e": open}), Record{}.ends(1, 0)}, want: map[string]Breaker{"e": open}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rd, prev := NewReader(), bus.NoPosition
			if c.trimmed {
				prev = 0
			}
			for i, r := range c.log {
				data, _ := json.Marshal(r)
				if err := rd.Add(bus.Record{Pos: int64(i) + 1, Prev: prev, Data: data}); err != nil {
					t.Fatal(err)
				}
				prev = int64(i) + 1
			}
			st, err := rd.State()
			if err != nil || !maps.Equal(st.Breakers, c.want) {
				t.Errorf("%v, %v; want %v", st.Breakers, err, c.want)
			}
			if was := st.Clone(); len(was.Breakers) > 0 {
				was.Breakers["e"] = Breaker{}
				if st.Breakers["e"] == (Breaker{}) {
					t.Error("the copy changes what it is of")
				}
			}
		})
	}
}
