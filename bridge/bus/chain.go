package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
)

// ErrSuperseded: somebody else wrote behind the record that we took for the last one. What
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
}

// NewChain begins in front of the first record kept.
func NewChain(logs Logs, name LogName) *Chain {
	return &Chain{logs: logs, name: name, last: Record{Pos: NoPosition}}
}

// Last is the position of the last valid record read or written, NoPosition for none.
func (c *Chain) Last() int64 { return c.last.Pos }

// Read hands over the valid records behind the last one, up to the end of the log. With
// ErrTrimmed the reader must forget everything and call Read again.
func (c *Chain) Read(ctx context.Context, each func(Record) error) error {
	from, root := c.last.Pos, c.last.Pos == NoPosition
	seen := root
	err := c.logs.Read(ctx, c.name, from, func(r Record) error {
		if !seen { // our own place must still be there, and be what we took it for
			seen = true
			if r.Pos != c.last.Pos || r.ID != c.last.ID {
				return ErrTrimmed
			}
			return nil
		}
		if !root && (r.Prev != c.last.Pos || r.PrevID != c.last.ID) {
			return nil // a late copy or a superseded writer: it does not exist
		}
		root = false
		if err := each(r); err != nil {
			return err
		}
		r.Data = nil
		c.last = r
		return nil
	})
	if err == nil && !seen {
		err = ErrTrimmed
	}
	if errors.Is(err, ErrTrimmed) {
		c.last = Record{Pos: NoPosition}
		return ErrTrimmed
	}
	if err != nil {
		return fmt.Errorf("read the %s log: %w", c.name, err)
	}
	return nil
}

// Append writes data behind the last valid record that this chain has read. It answers only
// when the fate of the record is known: nil when it is in the log and valid, ErrSuperseded
// when somebody else was faster, else ctx's error, and then the record may still land.
func (c *Chain) Append(ctx context.Context, data []byte) (int64, error) {
	r := Record{Pos: NoPosition, Prev: c.last.Pos, PrevID: c.last.ID, Data: data}
	if _, err := rand.Read(r.ID[:]); err != nil {
		return NoPosition, fmt.Errorf("make a record id: %w", err)
	}
	for {
		pos, err := c.logs.Append(ctx, c.name, r)
		if err == nil {
			valid, verr := c.settle(ctx, r, pos)
			if verr == nil && valid {
				return c.last.Pos, nil
			}
			if verr != nil {
				return NoPosition, verr
			}
			return NoPosition, ErrSuperseded
		}
		if ctx.Err() != nil {
			return NoPosition, fmt.Errorf("append to the %s log: %w", c.name, errors.Join(err, context.Cause(ctx)))
		}
		// An error proves nothing, a refusal neither: the log's tail tells.
		valid, verr := c.settle(ctx, r, NoPosition)
		switch {
		case verr == nil && valid:
			return c.last.Pos, nil
		case errors.Is(verr, errNeither):
			if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrUnavailable) {
				return NoPosition, fmt.Errorf("append to the %s log: %w", c.name, err)
			}
			continue
		case verr != nil:
			return NoPosition, verr
		}
		return NoPosition, ErrSuperseded
	}
}

// errNeither: neither our record nor anybody's follows the last one.
var errNeither = errors.New("nothing follows the last record")

// settle reads the tail: is r the record that follows our last one? On yes it becomes our
// last. A valid record of somebody else in its place, or a trimmed front, supersedes us.
func (c *Chain) settle(ctx context.Context, r Record, pos int64) (bool, error) {
	var next *Record
	seen := c.last.Pos == NoPosition
	err := c.logs.Read(ctx, c.name, c.last.Pos, func(x Record) error {
		if !seen {
			seen = true
			if x.Pos != c.last.Pos || x.ID != c.last.ID {
				return ErrTrimmed
			}
			return nil
		}
		if next == nil && (c.last.Pos == NoPosition || x.Prev == c.last.Pos && x.PrevID == c.last.ID) {
			x.Data = nil
			next = &x
		}
		return nil
	})
	switch {
	case errors.Is(err, ErrTrimmed) || err == nil && !seen:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read back the %s log: %w", c.name, err)
	case next == nil && pos != NoPosition:
		return false, fmt.Errorf("read back the %s log: record %d is acknowledged but not there", c.name, pos)
	case next == nil:
		return false, errNeither
	case next.ID != r.ID:
		return false, nil
	}
	c.last = *next
	return true, nil
}

// Trim removes the records in front of `below`, which must not be behind the last one.
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
