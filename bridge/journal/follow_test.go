package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/journal"
)

const shards = 3

// FollowJournal hands over what the tape holds and waits for more. Like a real one it may hand
// an entry over again.
func (p *tape) FollowJournal(ctx context.Context, from []int64, each func(int, int64, []byte) error) error {
	next := append([]int64(nil), from...)
	for {
		p.mu.Lock()
		var all []func() error
		for shard := range next {
			for pos := max(next[shard], p.trimmed[shard], 0) + 1; pos <= int64(len(p.batches[shard])); pos++ {
				data := p.batches[shard][pos-1]
				all = append(all, func() error { return each(shard, pos, data) }, func() error { return each(shard, pos, data) })
				next[shard] = pos
			}
		}
		if p.more == nil {
			p.more = make(chan struct{})
		}
		more := p.more
		p.mu.Unlock()
		for _, hand := range all {
			if err := hand(); err != nil {
				return err
			}
		}
		if len(all) > 0 {
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A line to a tape that can be cut.
type line struct {
	*tape
	cut   chan error // what is sent here ends the report in hand
	calls chan []int64
}

func (l *line) FollowJournal(ctx context.Context, from []int64, each func(int, int64, []byte) error) error {
	l.calls <- from
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-l.cut:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	err := l.tape.FollowJournal(ctx, from, each)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// following is an index that follows a tape.
type following struct {
	*testing.T
	*line
	index *journal.Index
	log   *bytes.Buffer // read it after stop
	stop  func()
}

func follow(t *testing.T, p *tape) *following {
	t.Helper()
	f := &following{T: t, line: &line{p, make(chan error), make(chan []int64, 100)}, log: &bytes.Buffer{}}
	f.index = journal.New(journal.Options{Log: slog.New(slog.NewTextHandler(f.log, nil))})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.index.Follow(ctx, f.line, shards) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Follow: %v", err)
		}
	})
	t.Cleanup(f.stop)
	return f
}

// last writes a delivery and returns once the index has it.
func (f *following) last(n int) {
	f.Helper()
	f.write(f.T, 0, try(n, 1, delivery.Delivered))
	f.until(func() bool { _, ok := f.index.Get(fmt.Sprint("dlv_", n)); return ok })
}

// until waits for what only reading can tell.
func (f *following) until(done func() bool) {
	f.Helper()
	limit := time.After(90 * time.Second)
	for look := time.NewTicker(time.Millisecond); !done(); {
		select {
		case <-look.C:
		case <-limit:
			f.Fatal("the index does not come to it")
		}
	}
}

func TestFollowShowsWhatEveryOwnerDid(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.write(t, 0, try(1, 1, ""))
	p.write(t, 1, try(2, 1, ""))
	f := follow(t, p)
	if from := <-f.calls; from[0] != 1 || from[1] != 1 || from[2] != -1 {
		t.Errorf("following begins behind %v", from)
	}
	own := f.index.Takeovers()
	own.Waiting(delivery.Entry{ID: "dlv_2", Endpoint: "ep_crm", Event: ref(2), Number: 2, Due: noon.Add(time.Hour), Created: noon})
	own.Attempted(try(2, 2, delivery.Delivered)) // recorded by this process, and not yet read
	if d, _ := f.index.Get("dlv_2"); d.Status != journal.Pending || !d.NextAttempt.Equal(noon.Add(time.Hour)) {
		t.Errorf("before the journal has it: %+v", d)
	}
	f.write(t, 1, try(2, 2, delivery.Delivered))
	f.write(t, 0, try(1, 2, "")) // by another process
	f.write(t, 2, try(3, 1, delivery.Failed))
	f.last(9)
	f.until(func() bool { _, ok := f.index.Get("dlv_3"); return ok })
	for id, want := range map[string]string{"dlv_1": "pending 12", "dlv_2": "delivered 12", "dlv_3": "failed 1"} {
		if d, _ := f.index.Get(id); fmt.Sprint(d.Status, " ", numbers(d)) != want {
			t.Errorf("%s is %s %s, want %s", id, d.Status, numbers(d), want)
		}
	}
	if got := f.index.Ended(); got[journal.Delivered] != 1 || got[journal.Failed] != 0 {
		t.Errorf("ended by this process: %v", got)
	}
}

func TestFollowComesBackWithoutGapsOrDoubles(t *testing.T) {
	t.Parallel()
	f := follow(t, newTape())
	broken := errors.New("no leader")
	<-f.calls
	for n := range 4 {
		f.write(t, n%shards, try(n, 1, ""))
		if n%2 == 0 {
			f.cut <- broken
			f.write(t, n%shards, try(n, 2, delivery.Delivered))
			<-f.calls
		} else {
			f.write(t, n%shards, try(n, 2, delivery.Delivered))
		}
	}
	for n := range 4 {
		id := fmt.Sprint("dlv_", n)
		f.until(func() bool { d, _ := f.index.Get(id); return d.Status == journal.Delivered })
		if d, _ := f.index.Get(id); numbers(d) != "12" {
			t.Errorf("%s has the attempts %s", id, numbers(d))
		}
	}
	f.cut <- broken
	if from := <-f.calls; from[0] != 4 || from[1] != 2 || from[2] != 2 {
		t.Errorf("following goes on behind %v", from)
	}
	f.last(9)
	f.stop()
	log := f.log.String()
	if n := strings.Count(log, "is not followed"); n == 0 || n != strings.Count(log, "is followed again") || !strings.Contains(log, broken.Error()) {
		t.Errorf("log %s", log)
	}
}

func TestFollowReadsAJournalThatWasMadeAnew(t *testing.T) {
	t.Parallel()
	f := follow(t, newTape())
	<-f.calls
	for n := range 5 {
		f.last(n)
	}
	f.mu.Lock()
	f.batches[0] = nil
	f.mu.Unlock()
	f.cut <- errors.New("stream not found")
	<-f.calls
	f.last(9)
}

func TestFollowLeavesOutWhatItCannotRead(t *testing.T) {
	t.Parallel()
	f := follow(t, newTape())
	<-f.calls
	for _, data := range []string{"v9\n{}\n", "", "v1\n{", "v1\n{}\n"} {
		if _, err := f.AppendJournal(t.Context(), 0, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	f.last(1)
	f.stop()
	if n := strings.Count(f.log.String(), "cannot be read"); n != 1 || !strings.Contains(f.log.String(), "newer format") {
		t.Errorf("logged %d times: %s", n, f.log)
	}
}
