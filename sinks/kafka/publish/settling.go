package publish

import (
	"sync"
	"time"
)

// settling is what goes on until it is known what became of tries, beside the calls that made
// them.
type settling struct {
	s       *Publisher
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
	n      int // tries that are being settled
}

// enter says that a try is being settled, until exit. It reports false once the store is closed.
func (g *settling) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	if g.n++; g.n == 1 {
		g.running.Go(g.live)
	}
	return true
}

func (g *settling) exit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
}

// begin settles a try in the background.
func (g *settling) begin(settle func()) bool {
	if !g.enter() {
		return false
	}
	g.running.Go(func() {
		defer g.exit()
		settle()
	})
	return true
}

// live tells the others that the process is there, as long as it has tries to settle.
func (g *settling) live() {
	beat := time.NewTicker(g.s.o.Timeout / partAlive)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
		case <-g.s.cluster.Done():
			return
		}
		g.mu.Lock()
		idle := g.n == 0
		g.mu.Unlock()
		if idle {
			return
		}
		g.s.markers.spread(word{wordAlive, try{tryID: tryID{process: g.s.process}}})
	}
}

// wait returns once nothing goes on any more, and lets nothing begin.
func (g *settling) wait() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}
