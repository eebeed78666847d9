package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
)

// serverLog passes what the server says on to slog. A fatal message is an error there, and the
// end of the start that it falls into: the server itself would go on without what it says.
type serverLog struct {
	log   *slog.Logger
	fatal chan string       // what was said first; start receives
	hide  *strings.Replacer // of passwords: the server names removed routes with them
	often *seldom           // what goes wrong with routes, which are tried many times a second, and with clients that send too much
}

func (o *Options) serverLog() serverLog {
	var pairs []string
	for _, secret := range o.RouteSecrets {
		pairs = append(pairs, cluster.RoutePassword(secret), "***")
	}
	return serverLog{log: o.Log, fatal: make(chan string, 1), hide: strings.NewReplacer(pairs...), often: &seldom{last: map[string]time.Time{}}}
}

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug("embedded bus", l.says(format, v)) }

func (l serverLog) Fatalf(format string, v ...any) {
	said := l.says(format, v)
	l.log.Error("embedded bus", said)
	select {
	case l.fatal <- said.Value.String():
	default: // one is enough
	}
}

// Errorf makes less of a peer that is not there: a cluster is made for that, and Health says it
// where it matters.
func (l serverLog) Errorf(format string, v ...any) {
	if _, route, ok := strings.Cut(format, " - rid:"); ok {
		if _, what, _ := strings.Cut(route, " - "); !l.often.due(what, time.Now()) {
			return
		}
	}
	level := slog.LevelError
	if strings.HasPrefix(format, "Error trying to connect to route") {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, "embedded bus", l.says(format, v))
}

// floods are what the server says many times a second while clients send more than is taken.
var floods = []string{"Producer was stalled", "Readloop processing time"}

// Warnf leaves out a warning about the passwords of our own connections: they are made anew at
// each start and never leave the process; and one about large messages, which sources ask for.
func (l serverLog) Warnf(format string, v ...any) {
	for _, what := range floods {
		if strings.Contains(format, what) && !l.often.due(what, time.Now()) {
			return
		}
	}
	if !strings.HasPrefix(format, "Plaintext passwords detected") && !strings.HasPrefix(format, "Maximum payloads over") {
		l.log.Warn("embedded bus", l.says(format, v))
	}
}

func (l serverLog) Debugf(string, ...any) {}
func (l serverLog) Tracef(string, ...any) {}

func (l serverLog) says(format string, v []any) slog.Attr {
	return slog.String("detail", l.hide.Replace(fmt.Sprintf(format, v...)))
}

// saidAgain is how often the same trouble is told.
const saidAgain = 10 * time.Second

// seldom tells what was said a short while ago from what is new.
type seldom struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (s *seldom) due(what string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, at := range s.last {
		if now.Sub(at) >= saidAgain {
			delete(s.last, old)
		}
	}
	if _, said := s.last[what]; said {
		return false
	}
	s.last[what] = now
	return true
}
