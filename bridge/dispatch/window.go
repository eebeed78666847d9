package dispatch

import "time"

// windowSlices is how many slices of time a window remembers.
const windowSlices = 30

// A window counts the latest attempts by slices of time.
type window struct {
	newest int64 // number of the newest slice
	slices [windowSlices]tally
}

// A tally counts attempts; those that were a delivery's first one also by themselves, because an
// event that an endpoint never takes is tried again and again, and says no more by that.
type tally struct{ attempts, ill, first, firstIll int32 }

func (t *tally) add(u tally) {
	t.attempts, t.ill, t.first, t.firstIll = t.attempts+u.attempts, t.ill+u.ill, t.first+u.first, t.firstIll+u.firstIll
}

// count takes in an attempt that ended now.
func (w window) count(slice time.Duration, now time.Time, s sign) window {
	number := now.UnixNano() / int64(slice)
	for from := max(w.newest+1, number-windowSlices+1); from <= number; from++ {
		w.slices[from%windowSlices] = tally{}
	}
	w.newest = max(w.newest, number)
	one := tally{attempts: 1}
	if s.health != well {
		one.ill = 1
	}
	if s.first {
		one.first, one.firstIll = 1, one.ill
	}
	w.slices[w.newest%windowSlices].add(one)
	return w
}

// ill reports whether most of the latest attempts failed: those of the two newest slices and, while
// they are fewer than least, of the slices before. An endpoint that takes most of what it is sent
// for the first time is well, whatever becomes of the rest.
func (w *window) ill(least int) bool {
	var sum tally
	for n := int64(0); n < windowSlices && w.newest >= n; n++ {
		sum.add(w.slices[(w.newest-n)%windowSlices])
		if n > 0 && int(sum.attempts) >= least {
			break
		}
	}
	return int(sum.attempts) >= least && 2*sum.ill > sum.attempts && 2*sum.firstIll >= sum.first
}
