package admin

import (
	"sync"

	"github.com/hookspan/hookspan/bridge/journal"
)

const locatedKept = 1000

// located are deliveries of other replicas that were looked up by their event and have no record
// yet, so that they can be asked for by the id that was shown.
type located struct {
	mu    sync.Mutex
	all   map[string]journal.Delivery
	order []string
}

func (l *located) add(d journal.Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.all[d.ID]; known {
		return
	}
	if l.all == nil {
		l.all = map[string]journal.Delivery{}
	}
	if len(l.order) == locatedKept {
		delete(l.all, l.order[0])
		l.order = l.order[1:]
	}
	l.all[d.ID] = d
	l.order = append(l.order, d.ID)
}

func (l *located) get(id string) (journal.Delivery, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, ok := l.all[id]
	return d, ok
}
