package receiver

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// checks bound what the checks against schemas take: data that is parsed is up to a hundred times as
// large as its text, for as long as it is looked at. They have a quarter of the intake's memory, which
// they wait for by turns; what needs more than that is looked at alone, and what needs more than the
// whole not at all.
type checks struct {
	limit, part int64
	room        *semaphore.Weighted
}

func newChecks(limit int64) checks {
	part := max(limit/4, 1)
	return checks{limit, part, semaphore.NewWeighted(part)}
}

// Checks reports whether a source asks for them.
func (s *Source) Checks() bool { return s.Schema != "" && s.Schema != Off }

// BodyMemory is what bodies have of the intake's memory: all of it, or what is left where a source
// asks for checks.
func BodyMemory(limit int64, checks bool) int64 {
	if checks {
		return limit - max(limit/4, 1)
	}
	return limit
}

// errVast says that data is not looked at. Its source decides what becomes of it.
var errVast = errors.New("the data has too many values to be held against its schema within HOOKSPAN_INTAKE_MEMORY")

// hold runs a check, which asks for memory, and takes that back.
func (c *checks) hold(ctx context.Context, check func(take func(int64) error) error) error {
	var taken int64
	defer func() { c.room.Release(taken) }()
	return check(func(n int64) error {
		if n > c.limit {
			return fmt.Errorf("%w: it may take %d bytes, of %d", errVast, n, c.limit)
		}
		n = min(n, c.part-taken)
		if err := c.room.Acquire(ctx, n); err != nil {
			return fmt.Errorf("%w: the checks of others against schemas take all of their part", errNoMemory)
		}
		taken += n
		return nil
	})
}
