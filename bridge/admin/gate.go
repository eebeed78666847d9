package admin

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/problem"
)

const (
	guessEvery  = 500 * time.Millisecond // failed logins are answered at this pace
	guessesFree = 3                      // at once, for people who mistype
	guessWait   = 5 * time.Second        // the longest that one waits for its answer
	guessLine   = 10 * time.Second       // between two lines in the log
)

// A gate lets in whoever has the token, at once. Failed logins are counted, told in the log at
// a bounded rate, and answered slowly, however many addresses they come from; what would have
// to wait too long is sent away, so that few are held at a time.
type gate struct {
	token  func() string
	log    *slog.Logger
	failed prometheus.Counter

	mu     sync.Mutex
	next   time.Time // when the schedule of answers has room again
	told   time.Time // when the log was told last
	untold int       // failures since
}

func newGate(token func() string, log *slog.Logger, into prometheus.Registerer) *gate {
	g := &gate{token: token, log: log, failed: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "hookspan_admin_logins_failed_total", Help: "Requests to the API without a valid token.",
	})}
	if into != nil {
		into.MustRegister(g.failed)
	}
	return g
}

// enter returns nil for a request that carries the token.
func (g *gate) enter(w http.ResponseWriter, r *http.Request) error {
	token := g.token()
	err := authorize(r, token)
	if err == nil || token == "" {
		return err
	}
	g.failed.Inc()
	wait, failures := g.fail(time.Now())
	if failures > 0 {
		g.log.Warn("admin login failed", slog.String("remote", r.RemoteAddr), slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Int("failures", failures))
	}
	if wait > guessWait {
		w.Header().Set("Retry-After", "5")
		w.Header().Set("Connection", "close")
		return problem.New(problem.RateLimited).With("too many logins have failed; a valid token is let in all the same")
	}
	pause(r.Context(), wait)
	return err
}

// fail takes a place in the schedule of answers. failures is 1 when the log has to be told now,
// and 0 when it will be later.
func (g *gate) fail(now time.Time) (wait time.Duration, failures int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.told) >= guessLine {
		failures, g.told = 1, now
	} else if g.untold++; g.untold == 1 {
		time.AfterFunc(g.told.Add(guessLine).Sub(now), g.tell)
	}
	if earliest := now.Add(-guessesFree * guessEvery); g.next.Before(earliest) {
		g.next = earliest
	}
	next := g.next.Add(guessEvery)
	if wait = max(next.Sub(now), 0); wait <= guessWait {
		g.next = next
	}
	return wait, failures
}

// tell logs the failures since the last line.
func (g *gate) tell() {
	g.mu.Lock()
	failures := g.untold
	g.untold, g.told = 0, time.Now()
	g.mu.Unlock()
	g.log.Warn("admin logins failed", slog.Int("failures", failures))
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
