package dispatch_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
)

// A notebook keeps what is logged.
type notebook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notebook) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(b)
}

// lines are those that hold a text.
func (n *notebook) lines(text string) (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for line := range strings.Lines(n.text.String()) {
		if strings.Contains(line, text) {
			all = append(all, line)
		}
	}
	return all
}

func TestTroubleIsToldNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := &notebook{}
		w.log = slog.New(slog.NewTextHandler(n, nil))
		w.answer = onceBad
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		w.publish(1, 15, "a") // fewer than a breaker judges by
		pass(500 * time.Millisecond)
		p.client.Set(dispatchtest.Faults{Call: func(name string) error {
			if name == "Get" {
				return bus.ErrUnavailable
			}
			return nil
		}})
		pass(30 * time.Second)
		told := n.lines("event not read")
		if len(told) < 2 || len(told) > 4 || !strings.Contains(told[1], "suppressed=") {
			t.Errorf("told %d times in 30 s: %s", len(told), told)
		}
		p.client.Set(dispatchtest.Faults{})
		pass(time.Minute)
		w.once(t, "crm", 1, 15)
		p.stop()
	})
}
