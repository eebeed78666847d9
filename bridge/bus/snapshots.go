package bus

// Snapshots is what a chained log has shown of its snapshots. A snapshot is a begin, chunks and
// an end, with other records between them: each chunk holds part of what the log amounts to at
// the chunk's own place, so that a reader which takes all of it in order knows everything at the
// end. Whoever reads or writes the log counts every record here; the zero value is that of an
// empty log.
type Snapshots struct {
	records  int
	size     int           // bytes of the records since the newest complete one began
	trimmed  bool          // the front of the log is not its beginning
	open     map[int64]int // position of a begin that has no end yet: bytes before it
	newest   int64         // the newest begin
	complete []int64       // begins of complete ones, the newest two
}

// Count takes the next record of the log, whatever it says.
func (s *Snapshots) Count(r Record) {
	if s.records == 0 {
		s.trimmed = r.Prev != NoPosition
	}
	s.records++
	s.size += len(r.Data)
}

// Begin notes that the record counted last, of so many bytes at pos, begins a snapshot.
func (s *Snapshots) Begin(pos int64, bytes int) {
	if s.open == nil {
		s.open = map[int64]int{}
	}
	s.open[pos], s.newest = s.size-bytes, pos
}

// Open reports whether the snapshot that begins at a place was begun and has no end yet.
func (s *Snapshots) Open(begin int64) bool {
	_, open := s.open[begin]
	return open
}

// Newest is where the newest snapshot begins; false when it has ended, or there is none.
func (s *Snapshots) Newest() (begin int64, open bool) {
	return s.newest, s.Open(s.newest)
}

// Abandon forgets those without an end: their author is gone.
func (s *Snapshots) Abandon() { clear(s.open) }

// End notes that the snapshot which begins at a place is complete, if it is open.
func (s *Snapshots) End(begin int64) {
	before, open := s.open[begin]
	if !open {
		return
	}
	delete(s.open, begin)
	s.complete = append(s.complete, begin)
	s.complete = s.complete[max(len(s.complete)-2, 0):]
	s.size -= before
	for other := range s.open {
		s.open[other] -= before
	}
}

// Whole reports whether the records that were counted are all there is to know: the log has its
// front, or a complete snapshot.
func (s *Snapshots) Whole() bool { return !s.trimmed || len(s.complete) > 0 }

// Empty: no record was counted.
func (s *Snapshots) Empty() bool { return s.records == 0 }

// Due: the log has grown to more than twice what counts in it, and some more.
func (s *Snapshots) Due(live, slack int) bool { return s.size > 2*live+slack }

// Front is the place below which nobody needs the log: the begin of the complete snapshot before
// the newest. It reports false while there are not two.
func (s *Snapshots) Front() (int64, bool) {
	if len(s.complete) < 2 {
		return NoPosition, false
	}
	return s.complete[0], true
}

// Complete is where the newest complete snapshot begins, NoPosition without one.
func (s *Snapshots) Complete() int64 {
	if len(s.complete) == 0 {
		return NoPosition
	}
	return s.complete[len(s.complete)-1]
}
