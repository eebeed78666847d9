package dispatch

import (
	"log/slog"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/logline"
)

// complainEvery is how often the same trouble is told while it lasts, whoever has it.
const complainEvery = 10 * time.Second

// complaints are logged at once, and then again only now and then, with how often they came up
// meanwhile: a bus that is away is in the way of every delivery.
type complaints struct {
	log  *slog.Logger
	mu   sync.Mutex
	last map[string]*complaint
}

type complaint struct {
	told    time.Time
	unheard int // since then
}

func newComplaints(log *slog.Logger) *complaints {
	return &complaints{log: log, last: map[string]*complaint{}}
}

// Warn implements feed.Complaints: it tells a trouble; msg is a constant, and the attributes are those of the latest case.
func (cs *complaints) Warn(msg string, err error, attrs ...any) {
	if unheard, tell := cs.count(msg, time.Now()); tell {
		cs.log.Warn(msg, append(attrs, slog.Any("error", err), logline.Suppressed(int64(unheard)))...)
	}
}

// WarnOf is Warn of one endpoint's trouble: each endpoint's is told by itself.
func (cs *complaints) WarnOf(endpoint, msg string, err error, attrs ...any) {
	if unheard, tell := cs.count(msg+"\x00"+endpoint, time.Now()); tell {
		cs.log.Warn(msg, append(attrs, slog.String("endpoint", endpoint), slog.Any("error", err), logline.Suppressed(int64(unheard)))...)
	}
}

func (cs *complaints) count(msg string, now time.Time) (unheard int, tell bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.last[msg]
	if c == nil {
		c = &complaint{}
		cs.last[msg] = c
	} else if now.Sub(c.told) < complainEvery {
		c.unheard++
		return 0, false
	}
	unheard, c.told, c.unheard = c.unheard, now, 0
	return unheard, true
}
