package bus

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// Pauses between attempts to write a record.
const (
	appendRetryFirst = 5 * time.Millisecond
	appendRetryMost  = 500 * time.Millisecond
)

// ErrSuperseded: somebody else wrote after the record that we took for the last one. What
// was read before is no longer the whole log.
var ErrSuperseded = errors.New("another writer's record is newer")

// ErrTrimmed: the front was trimmed past our place. Forget what was read; the next Read
// begins at the front.
var ErrTrimmed = errors.New("log was trimmed past our place")

// A Chain reads and writes one chained log. It hands over only records that exist: those that
// follow the last valid one; the first record kept is the root, whatever it names. It is one
// reader's place in the log and is not safe for concurrent use.
type Chain struct {
	logs Logs
	name LogName
	last Record // the last valid record, without data; Pos NoPosition when nothing was read
	open Record // of an Append that answered before its fate was known
}

// NewChain begins before the first record kept.
func NewChain(logs Logs, name LogName) *Chain {
	return &Chain{logs: logs, name: name, last: Record{Pos: NoPosition}}
}

// Last is the position of the last valid record read or written, NoPosition for none.
func (c *Chain) Last() int64 { return c.last.Pos }

// Read hands over the valid records after the last one, up to the end of the log. With
// ErrTrimmed the reader must forget everything and call Read again. A record that each
// refuses with an error was not read; the next Read hands it over again.
func (c *Chain) Read(ctx context.Context, each func(Record) error) error {
	err := c.after(ctx, func(r Record) error {
		if err := each(r); err != nil {
			return err
		}
		r.Data = nil
		c.last = r
		return nil
	})
	switch {
	case errors.Is(err, ErrTrimmed):
		c.last = Record{Pos: NoPosition}
		return ErrTrimmed
	case err != nil:
		return fmt.Errorf("read the %s log: %w", c.name, err)
	}
	return nil
}

// ReadAll is Read for a reader that can forget: where the log was trimmed past our place it calls
// reset and goes on at the front.
func (c *Chain) ReadAll(ctx context.Context, reset func(), each func(Record) error) error {
	for {
		err := c.Read(ctx, each)
		if !errors.Is(err, ErrTrimmed) {
			return err
		}
		reset()
	}
}

// SkipAll goes to the end of the log, whatever its records say.
func (c *Chain) SkipAll(ctx context.Context) error {
	return c.ReadAll(ctx, func() {}, func(Record) error { return nil })
}

// after hands over the records that follow the last one, each of which each may make the
// last one. Our own place must still be there, and be what we took it for, else the answer is
// ErrTrimmed.
func (c *Chain) after(ctx context.Context, each func(Record) error) error {
	root := c.last.Pos == NoPosition
	found := root
	err := c.logs.Read(ctx, c.name, c.last.Pos, func(r Record) error {
		switch {
		case root:
			root = false
			return each(r)
		case !found:
			found = true
			if r.Pos != c.last.Pos || r.ID != c.last.ID {
				return ErrTrimmed
			}
			return nil
		case r.Prev != c.last.Pos || r.PrevID != c.last.ID:
			return nil // a late copy or a superseded writer: it does not exist
		}
		return each(r)
	})
	if err == nil && !found {
		return ErrTrimmed
	}
	return err
}

// Append writes data after the last valid record that this chain has read. It tries until
// the fate of the record is known: nil when it is in the log and valid, ErrSuperseded when
// somebody else was faster. With any other error (ctx ended, or the bus refuses for good) the
// record may still land; Append with the same data goes on with the same record.
func (c *Chain) Append(ctx context.Context, data []byte) (int64, error) {
	r := Record{Pos: NoPosition, Prev: c.last.Pos, PrevID: c.last.ID, Data: data}
	if c.open.Data != nil && c.open.Prev == r.Prev && c.open.PrevID == r.PrevID && bytes.Equal(c.open.Data, data) {
		r.ID = c.open.ID
	} else {
		_, _ = rand.Read(r.ID[:]) // never fails: crypto/rand ends the process instead
	}
	c.open = r
	for pause := appendRetryFirst; ; pause = min(2*pause, appendRetryMost) {
		_, err := c.logs.Append(ctx, c.name, r)
		// Neither an error nor a refusal proves anything: the log's tail tells.
		next, tailErr := c.follower(ctx)
		switch {
		case errors.Is(tailErr, ErrTrimmed):
			return NoPosition, ErrSuperseded
		case tailErr != nil:
			err = errors.Join(err, tailErr)
		case next != nil && next.ID == r.ID:
			c.last, c.open = *next, Record{}
			return c.last.Pos, nil
		case next != nil:
			return NoPosition, ErrSuperseded
		case err == nil:
			err = errors.New("the record is acknowledged but not there")
		}
		if ctx.Err() != nil {
			return NoPosition, fmt.Errorf("append to the %s log: %w", c.name, errors.Join(err, context.Cause(ctx)))
		}
		if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrUnavailable) {
			return NoPosition, fmt.Errorf("append to the %s log: %w", c.name, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// follower is the record that follows our last one in the log, nil when there is none.
func (c *Chain) follower(ctx context.Context) (*Record, error) {
	var next *Record
	err := c.after(ctx, func(r Record) error {
		if next == nil {
			r.Data = nil
			next = &r
		}
		return nil
	})
	return next, err
}

// Trim removes the records before `below`, which must not be after the last one.
func (c *Chain) Trim(ctx context.Context, below int64) error {
	if below > c.last.Pos {
		return fmt.Errorf("trim the %s log below %d: its last record is %d", c.name, below, c.last.Pos)
	}
	if err := c.logs.Trim(ctx, c.name, below); err != nil {
		return fmt.Errorf("trim the %s log: %w", c.name, err)
	}
	return nil
}

func (n LogName) String() string {
	if n.Kind == State {
		return fmt.Sprintf("%s/%d", n.Kind, n.Shard)
	}
	return string(n.Kind)
}
