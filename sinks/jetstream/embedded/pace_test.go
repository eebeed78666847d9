package embedded

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	t.Parallel()
	var p pace
	if enough, _ := p.hold(); enough != 0 {
		t.Errorf("before the first sync it waits for %d", enough)
	}
	for range 30 { // 64 publishers in two halves
		p.synced(32, time.Millisecond)
	}
	if enough, atMost := p.hold(); enough != 32 || atMost < 400*time.Microsecond || atMost > 500*time.Microsecond {
		t.Errorf("with 64 publishers it waits for %d, at most %v", enough, atMost)
	}
	for range 60 { // all but one have gone
		p.synced(1, time.Minute)
	}
	if enough, atMost := p.hold(); enough > 1 || atMost != longestHold {
		t.Errorf("with one publisher it waits for %d, at most %v", enough, atMost)
	}
}
