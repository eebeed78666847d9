package dispatch

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

func put(ids ...string) record {
	r := record{Version: stateVersion, Kind: kindDelta}
	for _, id := range ids {
		r.Put = append(r.Put, delivery.Entry{ID: id})
	}
	return r
}

func (r record) remove(ids ...string) record { r.Remove = ids; return r }

func (r record) at(seq int64) record {
	r.Positions = bus.Positions{part: {Identity: "i", Seq: seq}}
	return r
}

func (r record) of(begin int64, k kind) record {
	r.Kind, r.Begin = k, begin
	return r
}

func (r record) ends(begin int64, chunks int) record {
	r.Kind, r.Begin, r.Chunks = kindEnd, begin, chunks
	return r
}

// What a log amounts to. Records lie at 1, 2, 3, …; a trimmed log has lost what lay in front.
func TestReading(t *testing.T) {
	t.Parallel()
	claim := record{Version: stateVersion, Kind: kindClaim}
	cases := map[string]struct {
		trimmed  bool
		log      []record
		entries  string
		at       int64
		complete int64 // begin of the newest complete snapshot
		err      error
	}{
		"empty":                  {complete: bus.NoPosition},
		"deltas":                 {log: []record{claim, put("a", "b").at(3), put("c").remove("a").at(5)}, entries: "b c", at: 5, complete: bus.NoPosition},
		"positions not named":    {log: []record{put("a").at(3), put("b")}, entries: "a b", at: 3, complete: bus.NoPosition},
		"snapshot":               {trimmed: true, log: []record{record{}.at(4).of(0, kindBegin), put("a", "b").of(1, kindChunk), record{}.ends(1, 1)}, entries: "a b", at: 4, complete: 1},
		"snapshot in two chunks": {trimmed: true, log: []record{record{}.at(4).of(0, kindBegin), put("a").of(1, kindChunk), put("b").of(1, kindChunk), record{}.ends(1, 2)}, entries: "a b", at: 4, complete: 1},
		// The chunk was made before the delta that removes, or behind the one that puts.
		"deltas between":                  {trimmed: true, log: []record{record{}.at(4).of(0, kindBegin), put("a", "b").of(1, kindChunk), put("c").remove("a").at(6), put("d").of(1, kindChunk), record{}.ends(1, 2)}, entries: "b c d", at: 6, complete: 1},
		"deltas behind the end":           {trimmed: true, log: []record{record{}.at(4).of(0, kindBegin), put("a").of(1, kindChunk), record{}.ends(1, 1), put("b").remove("a").at(7)}, entries: "b", at: 7, complete: 1},
		"snapshot over what was":          {log: []record{put("x").at(1), put().remove("x").at(2), record{}.at(2).of(0, kindBegin), record{}.ends(3, 0)}, at: 2, complete: 3},
		"a chunk is missing":              {trimmed: true, log: []record{record{}.at(4).of(0, kindBegin), put("a").of(1, kindChunk), record{}.ends(1, 2)}, err: errDamaged},
		"no end":                          {trimmed: true, log: []record{record{}.at(4).of(0, kindBegin), put("a").of(1, kindChunk)}, err: errDamaged},
		"no begin":                        {trimmed: true, log: []record{put("a").of(7, kindChunk), record{}.ends(7, 1)}, err: errDamaged},
		"its author was superseded":       {trimmed: true, log: []record{record{}.at(4).of(0, kindBegin), put("a").of(1, kindChunk), claim, record{}.ends(1, 1)}, err: errDamaged},
		"incomplete, nothing lost":        {log: []record{put("a").at(1), record{}.of(0, kindBegin), claim, put("b").at(2)}, entries: "a b", at: 2, complete: bus.NoPosition},
		"two snapshots":                   {trimmed: true, log: []record{record{}.at(1).of(0, kindBegin), put("a").of(1, kindChunk), record{}.ends(1, 1), put("b").remove("a").at(2), record{}.at(2).of(0, kindBegin), put("b").of(5, kindChunk), record{}.ends(5, 1)}, entries: "b", at: 2, complete: 5},
		"the second one is cut off":       {trimmed: true, log: []record{record{}.at(1).of(0, kindBegin), put("a").of(1, kindChunk), record{}.ends(1, 1), put("b").at(2), record{}.at(2).of(0, kindBegin), claim}, entries: "a b", at: 2, complete: 1},
		"trimmed, deltas alone":           {trimmed: true, log: []record{put("a").at(1)}, err: errDamaged},
		"a newer format":                  {log: []record{{Version: stateVersion + 1, Kind: kindDelta}}, err: bus.ErrNewerFormat},
		"a chunk of an earlier attempt":   {trimmed: true, log: []record{record{}.of(0, kindBegin), put("old").of(1, kindChunk), record{}.at(3).of(0, kindBegin), put("a").of(3, kindChunk), put("old").of(1, kindChunk), record{}.ends(3, 1)}, entries: "a", at: 3, complete: 3},
		"the end of an earlier attempt":   {trimmed: true, log: []record{record{}.of(0, kindBegin), record{}.of(0, kindBegin), record{}.ends(1, 0)}, err: errDamaged},
		"a claim unsays the handing over": {log: []record{{Version: stateVersion, Kind: kindDelta, HandOver: true}, claim}, complete: bus.NoPosition},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rd, prev := newReader(), bus.NoPosition
			if c.trimmed {
				prev = 0
			}
			var err error
			for i, r := range c.log {
				data, _ := json.Marshal(r)
				if err = rd.add(bus.Record{Pos: int64(i) + 1, Prev: prev, Data: data}); err != nil {
					break
				}
				prev = int64(i) + 1
			}
			var st state
			if err == nil {
				st, err = rd.state()
			}
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if c.err != nil {
				return
			}
			entries := strings.Join(slices.Sorted(maps.Keys(st.entries)), " ")
			if entries != c.entries || st.positions[part].Seq != c.at || rd.ended != c.complete || st.handOver {
				t.Errorf("entries %q, position %d, complete snapshot %d, handed over %v, want %q, %d, %d, false",
					entries, st.positions[part].Seq, rd.ended, st.handOver, c.entries, c.at, c.complete)
			}
		})
	}
}

func TestUnreadableRecordIsAnError(t *testing.T) {
	t.Parallel()
	if err := newReader().add(bus.Record{Data: []byte("{")}); err == nil {
		t.Error("half a record was read")
	}
}
