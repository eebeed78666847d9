package app

import (
	"testing"
	"time"
)

func TestAStopPlanIsItsGrace(t *testing.T) {
	t.Parallel()
	for grace, attempts := range map[time.Duration]time.Duration{
		time.Second:      time.Second / 2,
		25 * time.Second: 18 * time.Second,
		10 * time.Minute: 10*time.Minute - 7*time.Second,
	} {
		p := stopping(grace)
		if all := p.attempts + p.writing + p.closing; all > grace || grace-all > time.Microsecond {
			t.Errorf("%v comes to %v", grace, all)
		}
		if off := p.attempts - attempts; off < 0 || off > time.Microsecond {
			t.Errorf("of %v attempts get %v, want %v", grace, p.attempts, attempts)
		}
	}
}
