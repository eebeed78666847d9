package embedded

import (
	"testing"
	"time"
)

// A disk that is nearly full costs ever fewer tries; space that comes back is used at once.
func TestRevival(t *testing.T) {
	t.Parallel()
	const nearlyFull, again = 15 << 20, 160 << 20
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var r revival
	var tries []time.Duration
	for began := now; now.Sub(began) < 5*time.Minute; now = now.Add(watchInterval) {
		if r.due(now, nearlyFull) {
			r.tried(now, nearlyFull)
			tries = append(tries, now.Sub(began))
		}
	}
	if n := len(tries); n < 8 || n > 12 || tries[1] != watchInterval || tries[n-1]-tries[n-2] != longestPause {
		t.Errorf("tried after %v", tries)
	}
	if r.due(now, nearlyFull+1<<20) && now.Sub(r.last) < longestPause {
		t.Error("a little more space is a reason to try")
	}
	r.tried(now, nearlyFull)
	now = now.Add(watchInterval)
	if !r.due(now, again) {
		t.Error("with space again it is not tried at once")
	}
	r.tried(now, again)
	if r.due(now.Add(watchInterval-1), again) || !r.due(now.Add(watchInterval), again) {
		t.Error("the next try after that is not a first one")
	}
}
