package embedded

import "time"

const (
	// calm is how long a server must have run well for the next trouble to be a new one.
	calm         = 5 * time.Minute
	longestPause = time.Minute
)

// A revival says when a server that cannot write is worth opening again. Tries that do not help
// come ever more rarely, because each cuts every connection: a disk that is nearly full lets a
// server begin and ends it again. But when much more is free than at the last try, the reason
// that it failed for is gone, and waiting for it would only be an outage of our own.
type revival struct {
	last  time.Time // tried
	pause time.Duration
	free  int64 // then
}

func (r *revival) due(now time.Time, free int64) bool {
	return r.pause == 0 || now.Sub(r.last) >= r.pause || r.relieved(free)
}

// relieved: at least twice as much is free.
func (r *revival) relieved(free int64) bool { return free/2 >= r.free }

// tried notes a try.
func (r *revival) tried(now time.Time, free int64) {
	if r.pause == 0 || now.Sub(r.last) > calm || r.relieved(free) {
		r.pause = watchInterval
	} else {
		r.pause = min(2*r.pause, longestPause)
	}
	r.last, r.free = now, free
}
