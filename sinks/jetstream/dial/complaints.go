package dial

import (
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/logline"
)

const (
	complainsEvery = 10 * time.Second // that one connection says one thing
	differentMost  = 256              // things that are remembered
)

// complaints logs what a connection says beside answers. What it says of each request, such as that
// rights deny it, is told once in a while.
func complaints(log *slog.Logger) nats.ErrHandler {
	var mu sync.Mutex
	type said struct {
		at    time.Time
		quiet int64
	}
	of := map[string]*said{}
	return func(nc *nats.Conn, _ *nats.Subscription, err error) {
		mu.Lock()
		text, now := nc.Opts.Name+": "+err.Error(), time.Now()
		last := of[text]
		if last != nil && now.Sub(last.at) < complainsEvery {
			last.quiet++
			mu.Unlock()
			return
		}
		if last == nil {
			if len(of) >= differentMost {
				clear(of)
			}
			last = &said{}
			of[text] = last
		}
		quiet := last.quiet
		*last = said{at: now}
		mu.Unlock()
		log.Warn("connection to NATS", "connection", nc.Opts.Name, "error", err, logline.Suppressed(quiet))
	}
}
