package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Logs checks chained logs: what the bus does (L1 to L4), and that a Chain over it keeps
// what it promises. The logs of twenty shards have to be there, and empty.
func Logs(t *testing.T, open func(t *testing.T) bus.Logs) {
	l, n := open(t), 0
	for name, clause := range map[string]func(*testing.T, bus.Logs){
		"L1 a record comes back as it was written":      recordComesBack,
		"L3 read begins where it is told to":            readsFrom,
		"L3 read goes on past many records":             readsMany,
		"L3 logs are apart":                             logsApart,
		"L4 trimmed records are gone":                   trimmedAreGone,
		"Chain: what one writes another reads":          chainReads,
		"Chain: of two writers one is superseded":       twoWriters,
		"Chain: many writers make one log":              manyWriters,
		"Chain: a late copy does not exist":             lateCopy,
		"Chain: a refusal alone proves nothing":         refusedForNoReason,
		"Chain: a lost acknowledgement is no loss":      lostAcknowledgement,
		"Chain: a lost record is written again":         lostRecord,
		"Chain: an unknown fate ends with the ctx":      unknownFate,
		"Chain: a front trimmed past us is told":        trimmedFront,
		"Chain: a trimmed log begins with its root":     trimmedRoot,
		"Chain: a writer whose place was trimmed":       trimmedWriter,
		"Chain: nothing behind the last is trimmed":     trimBehindLast,
		"Chain: what was read is not handed over again": readsOnce,
	} {
		n++
		own := apart{l, n}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clause(t, own)
		})
	}
}

var state = bus.LogName{Kind: bus.State, Shard: 7}

func id(n byte) [16]byte { return [16]byte{15: n} }

func appendTo(t *testing.T, l bus.Logs, log bus.LogName, r bus.Record) int64 {
	t.Helper()
	pos, err := l.Append(within(t), log, r)
	if err != nil {
		t.Fatal(err)
	}
	return pos
}

func readLog(t *testing.T, l bus.Logs, log bus.LogName, from int64) []bus.Record {
	t.Helper()
	var got []bus.Record
	if err := l.Read(within(t), log, from, func(r bus.Record) error {
		got = append(got, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func readChain(t *testing.T, c *bus.Chain) []string {
	t.Helper()
	var got []string
	if err := c.Read(within(t), func(r bus.Record) error {
		got = append(got, string(r.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func write(t *testing.T, c *bus.Chain, data string) int64 {
	t.Helper()
	pos, err := c.Append(within(t), []byte(data))
	if err != nil {
		t.Fatalf("append %q: %v", data, err)
	}
	return pos
}

func recordComesBack(t *testing.T, l bus.Logs) {
	if got := readLog(t, l, state, bus.NoPosition); len(got) != 0 {
		t.Fatalf("an empty log holds %v", got)
	}
	first := bus.Record{ID: id(1), Prev: bus.NoPosition, Data: []byte("first")}
	first.Pos = appendTo(t, l, state, first)
	second := bus.Record{ID: id(2), Prev: first.Pos, PrevID: id(1), Data: []byte{}}
	second.Pos = appendTo(t, l, state, second)
	got := readLog(t, l, state, bus.NoPosition)
	same := func(a, b bus.Record) bool {
		return a.Pos == b.Pos && a.ID == b.ID && a.Prev == b.Prev && a.PrevID == b.PrevID && string(a.Data) == string(b.Data)
	}
	if !slices.EqualFunc(got, []bus.Record{first, second}, same) {
		t.Errorf("came back: %v", got)
	}
}

func readsFrom(t *testing.T, l bus.Logs) {
	var at []int64
	prev := bus.NoPosition
	for n := range 4 {
		prev = appendTo(t, l, state, bus.Record{ID: id(byte(n)), Prev: prev})
		at = append(at, prev)
	}
	for i, from := range at {
		if got := readLog(t, l, state, from); len(got) != 4-i || got[0].Pos != from {
			t.Errorf("from %d came %v", from, got)
		}
	}
	if got := readLog(t, l, state, at[3]+1); len(got) != 0 {
		t.Errorf("behind the last came %v", got)
	}
	mine := errors.New("mine")
	if err := l.Read(within(t), state, at[0], func(bus.Record) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("an error of each came back as %v", err)
	}
}

func readsMany(t *testing.T, l bus.Logs) {
	c := bus.NewChain(l, state)
	const n = 60
	for i := range n {
		write(t, c, fmt.Sprint(i))
	}
	got := readChain(t, bus.NewChain(l, state))
	if len(got) != n || got[0] != "0" || got[n-1] != fmt.Sprint(n-1) {
		t.Errorf("%d records of %d: %q", len(got), n, got)
	}
}

func logsApart(t *testing.T, l bus.Logs) {
	names := []bus.LogName{state, {Kind: bus.State, Shard: 8}, {Kind: bus.Registry}, {Kind: bus.Commands}, {Kind: bus.Alerts}}
	for _, name := range names {
		write(t, bus.NewChain(l, name), name.String())
	}
	for _, name := range names {
		if got := readChain(t, bus.NewChain(l, name)); len(got) != 1 || got[0] != name.String() {
			t.Errorf("log %s holds %q", name, got)
		}
	}
}

func trimmedAreGone(t *testing.T, l bus.Logs) {
	c := bus.NewChain(l, state)
	write(t, c, "first")
	second := write(t, c, "second")
	third := write(t, c, "third")
	if err := l.Trim(within(t), state, second); err != nil {
		t.Fatal(err)
	}
	got := readLog(t, l, state, bus.NoPosition)
	if len(got) != 2 || got[0].Pos != second || got[1].Pos != third {
		t.Errorf("trimmed below %d it holds %v", second, got)
	}
}

func chainReads(t *testing.T, l bus.Logs) {
	writer, reader := bus.NewChain(l, state), bus.NewChain(l, state)
	write(t, writer, "first")
	if got := readChain(t, reader); !slices.Equal(got, []string{"first"}) {
		t.Errorf("read %q", got)
	}
	last := write(t, writer, "second")
	if got := readChain(t, reader); !slices.Equal(got, []string{"second"}) || reader.Last() != last {
		t.Errorf("read %q up to %d, written at %d", got, reader.Last(), last)
	}
	write(t, reader, "third")
}

func twoWriters(t *testing.T, l bus.Logs) {
	a, b := bus.NewChain(l, state), bus.NewChain(l, state)
	write(t, a, "claim of a")
	readChain(t, b)
	write(t, b, "claim of b")
	if _, err := a.Append(within(t), []byte("delta of a")); !errors.Is(err, bus.ErrSuperseded) {
		t.Fatalf("a writes on: %v, want ErrSuperseded", err)
	}
	write(t, b, "delta of b")
	if got := readChain(t, bus.NewChain(l, state)); !slices.Equal(got, []string{"claim of a", "claim of b", "delta of b"}) {
		t.Errorf("the log is %q", got)
	}
	readChain(t, a)
	write(t, a, "a again")
}

func manyWriters(t *testing.T, l bus.Logs) {
	const writers, each = 4, 5
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			c := bus.NewChain(l, state)
			for i := 0; i < each; {
				if err := c.Read(within(t), func(bus.Record) error { return nil }); err != nil {
					t.Errorf("read: %v", err)
					return
				}
				switch _, err := c.Append(within(t), fmt.Appendf(nil, "%d/%d", w, i)); {
				case err == nil:
					i++
				case !errors.Is(err, bus.ErrSuperseded):
					t.Errorf("append: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
	got := readChain(t, bus.NewChain(l, state))
	slices.Sort(got)
	if len(slices.Compact(got)) != writers*each {
		t.Errorf("%d records of %d: %q", len(got), writers*each, got)
	}
}

func lateCopy(t *testing.T, l bus.Logs) {
	slow := &unreliable{Logs: l}
	c := bus.NewChain(slow, state)
	write(t, c, "first")
	write(t, c, "second")
	late := slow.last
	write(t, c, "third")
	_, _ = l.Append(within(t), state, late) // refused, or it lands
	write(t, c, "fourth")
	if got := readChain(t, bus.NewChain(l, state)); !slices.Equal(got, []string{"first", "second", "third", "fourth"}) {
		t.Errorf("the log is %q", got)
	}
}

func refusedForNoReason(t *testing.T, l bus.Logs) {
	u := &unreliable{Logs: l}
	c := bus.NewChain(u, state)
	write(t, c, "first")
	u.before = []error{bus.ErrRefused}
	write(t, c, "second")
	u.failed(t)
	if got := readChain(t, bus.NewChain(l, state)); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("the log is %q", got)
	}
}

func lostAcknowledgement(t *testing.T, l bus.Logs) {
	u := &unreliable{Logs: l, after: []error{bus.ErrUnavailable}}
	c := bus.NewChain(u, state)
	write(t, c, "first")
	u.failed(t)
	u.after = []error{bus.ErrUnavailable}
	last := write(t, c, "second")
	u.failed(t)
	if got := readLog(t, l, state, bus.NoPosition); len(got) != 2 || got[1].Pos != last {
		t.Errorf("the log is %v, the second was said to be at %d", got, last)
	}
}

func lostRecord(t *testing.T, l bus.Logs) {
	u := &unreliable{Logs: l}
	c := bus.NewChain(u, state)
	write(t, c, "first")
	u.before = []error{bus.ErrUnavailable, bus.ErrUnavailable}
	write(t, c, "second")
	u.failed(t)
	if got := readChain(t, bus.NewChain(l, state)); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("the log is %q", got)
	}
}

func unknownFate(t *testing.T, l bus.Logs) {
	ctx, stop := context.WithCancel(within(t))
	u := &unreliable{Logs: l}
	c := bus.NewChain(u, state)
	write(t, c, "first")
	u.before = []error{bus.ErrUnavailable}
	u.failing = stop
	if _, err := c.Append(ctx, []byte("second")); !errors.Is(err, context.Canceled) || errors.Is(err, bus.ErrSuperseded) {
		t.Errorf("append returned %v after its context ended", err)
	}
}

func trimmedFront(t *testing.T, l bus.Logs) {
	writer, reader := bus.NewChain(l, state), bus.NewChain(l, state)
	write(t, writer, "first")
	readChain(t, reader)
	write(t, writer, "second")
	if err := writer.Trim(within(t), write(t, writer, "third")); err != nil {
		t.Fatal(err)
	}
	if err := reader.Read(within(t), func(bus.Record) error { return nil }); !errors.Is(err, bus.ErrTrimmed) {
		t.Fatalf("read returned %v, want ErrTrimmed", err)
	}
	if got := readChain(t, reader); !slices.Equal(got, []string{"third"}) {
		t.Errorf("from the front: %q", got)
	}
}

func trimmedRoot(t *testing.T, l bus.Logs) {
	c := bus.NewChain(l, state)
	write(t, c, "first")
	second := write(t, c, "second")
	write(t, c, "third")
	if err := c.Trim(within(t), second); err != nil {
		t.Fatal(err)
	}
	if got := readChain(t, bus.NewChain(l, state)); !slices.Equal(got, []string{"second", "third"}) {
		t.Errorf("the log is %q", got)
	}
	write(t, c, "fourth")
}

func trimmedWriter(t *testing.T, l bus.Logs) {
	a, b := bus.NewChain(l, state), bus.NewChain(l, state)
	write(t, a, "first")
	readChain(t, b)
	write(t, b, "second")
	if err := b.Trim(within(t), b.Last()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Append(within(t), []byte("too late")); !errors.Is(err, bus.ErrSuperseded) {
		t.Errorf("append returned %v, want ErrSuperseded", err)
	}
	if got := readChain(t, bus.NewChain(l, state)); !slices.Equal(got, []string{"second"}) {
		t.Errorf("the log is %q", got)
	}
}

func trimBehindLast(t *testing.T, l bus.Logs) {
	c := bus.NewChain(l, state)
	if err := c.Trim(within(t), write(t, c, "first")+1); err == nil {
		t.Error("the last record could be trimmed")
	}
	if got := readChain(t, bus.NewChain(l, state)); len(got) != 1 {
		t.Errorf("the log is %q", got)
	}
}

func readsOnce(t *testing.T, l bus.Logs) {
	c := bus.NewChain(l, state)
	write(t, c, "first")
	if got := readChain(t, c); len(got) != 0 {
		t.Errorf("what it wrote itself was handed over: %q", got)
	}
	other := bus.NewChain(l, state)
	readChain(t, other)
	write(t, other, "second")
	if got := append(readChain(t, c), readChain(t, c)...); !slices.Equal(got, []string{"second"}) {
		t.Errorf("handed over: %q", got)
	}
}

// unreliable fails the next appends: each takes the first of before and is not written, or else the
// first of after, although it was written. Appends that the bus itself fails take none of after.
// failing is called when it does.
type unreliable struct {
	bus.Logs
	before, after []error
	failing       func()
	last          bus.Record
}

func (u *unreliable) Append(ctx context.Context, log bus.LogName, r bus.Record) (int64, error) {
	u.last = r
	if err := u.take(&u.before); err != nil {
		return bus.NoPosition, err
	}
	pos, err := u.Logs.Append(ctx, log, r)
	if err == nil {
		err = u.take(&u.after)
	}
	return pos, err
}

func (u *unreliable) take(list *[]error) error {
	if len(*list) == 0 {
		return nil
	}
	err := (*list)[0]
	*list = (*list)[1:]
	if u.failing != nil {
		u.failing()
	}
	return err
}

// failed is called where every failure must have been met.
func (u *unreliable) failed(t *testing.T) {
	t.Helper()
	if left := len(u.before) + len(u.after); left > 0 {
		t.Errorf("%d failures were not met", left)
	}
}
