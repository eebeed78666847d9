package client

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"
)

// messageCost is what a message that waits takes beside its bytes, about.
const messageCost = 512

// Turns are what clients have sent and nobody has served. Each client is served in its turn, so
// however much one sends, others wait for one message of it. What one sends is served in order.
type turns struct {
	most    int // bytes that may wait together
	atATime int // of one client

	mu    sync.Mutex
	lines [connections]line
	next  int // seat to look at first
	bytes int
	more  chan struct{} // put and served send, without waiting, and take receives; never closed
}

// A line is what one client has sent, the oldest first.
type line struct {
	messages []*nats.Msg
	bytes    int
	serving  int
}

func newTurns(most, atATime int) *turns {
	return &turns{most: most, atATime: atATime, more: make(chan struct{}, 1)}
}

func cost(m *nats.Msg) int { return m.Size() + messageCost }

// put lets a message of a seat wait. When that is too much, the newest of who has most waiting is
// over, and the caller's to refuse.
func (t *turns) put(seat int, m *nats.Msg) (over []*nats.Msg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[seat].messages = append(t.lines[seat].messages, m)
	t.lines[seat].bytes += cost(m)
	t.bytes += cost(m)
	for t.bytes > t.most {
		over = append(over, t.dropNewest(t.longest()))
	}
	t.wake()
	return over
}

func (t *turns) longest() *line {
	longest := &t.lines[0]
	for i := range t.lines {
		if t.lines[i].bytes > longest.bytes {
			longest = &t.lines[i]
		}
	}
	return longest
}

func (t *turns) dropNewest(l *line) *nats.Msg {
	last := len(l.messages) - 1
	m := l.messages[last]
	l.messages[last] = nil
	l.messages = l.messages[:last]
	l.bytes -= cost(m)
	t.bytes -= cost(m)
	return m
}

// take waits for a message whose turn it is; nil when ctx has ended. The caller says served.
func (t *turns) take(ctx context.Context) (seat int, m *nats.Msg) {
	for {
		if seat, m := t.try(); m != nil {
			return seat, m
		}
		select {
		case <-t.more:
		case <-ctx.Done():
			return 0, nil
		}
	}
}

func (t *turns) try() (seat int, m *nats.Msg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for range t.lines {
		seat, t.next = t.next, (t.next+1)%len(t.lines)
		l := &t.lines[seat]
		if len(l.messages) == 0 || l.serving >= t.atATime {
			continue
		}
		m, l.messages[0] = l.messages[0], nil
		if l.messages = l.messages[1:]; len(l.messages) == 0 {
			l.messages = nil
		}
		l.bytes -= cost(m)
		t.bytes -= cost(m)
		l.serving++
		t.wake() // another that waits for a message
		return seat, m
	}
	return 0, nil
}

func (t *turns) served(seat int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[seat].serving--
	t.wake()
}

func (t *turns) wake() {
	select {
	case t.more <- struct{}{}:
	default:
	}
}
