package dispatch

import (
	"context"
	"time"
)

// stopWrite is Config.StopWrite where none is given.
const stopWrite = 5 * time.Second

// stop lets no further attempt begin.
func (s *shard) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.d.lanes.Add(-int64(len(s.lanes)))
	for _, l := range s.lanes {
		l.rest()
	}
}

// drain waits for the attempts that run, and then until all that was made is journaled or
// writing ends.
func (s *shard) drain(writing context.Context) {
	s.attempts.Wait()
	flushing, cancel := context.WithTimeout(writing, s.d.conf.StopWrite)
	defer cancel()
	s.rec.flush(flushing)
}
