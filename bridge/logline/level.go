package logline

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

var levels = [...]struct {
	word  string
	level slog.Level
}{{"debug", slog.LevelDebug}, {"info", slog.LevelInfo}, {"warn", slog.LevelWarn}, {"error", slog.LevelError}}

// Words are those of all levels, as a message names them.
const Words = "debug, info, warn or error"

// Parse reads the word of a level.
func Parse(word string) (level slog.Level, known bool) {
	for _, l := range levels {
		if strings.EqualFold(l.word, word) {
			return l.level, true
		}
	}
	return 0, false
}

// Word is what Parse reads.
func Word(level slog.Level) string {
	for _, l := range levels {
		if l.level == level {
			return l.word
		}
	}
	return level.String()
}

// A Level is the one from which on a process writes lines: as it is configured, until somebody
// changes it. It is a slog.Leveler, and may be used from any goroutine.
type Level struct {
	now        slog.LevelVar
	configured slog.Level

	mu sync.Mutex // held while the level changes, so that the log tells changes in their order
}

// NewLevel begins with the configured level.
func NewLevel(configured slog.Level) *Level {
	l := &Level{configured: configured}
	l.now.Set(configured)
	return l
}

// Level is the one that holds now.
func (l *Level) Level() slog.Level { return l.now.Level() }

// Configured is the one that holds again after a start.
func (l *Level) Configured() slog.Level { return l.configured }

// Set changes the level until the process ends; by says who asked for it. The log tells of a
// change while it takes more lines: before it is made quieter, after it is made louder.
func (l *Level) Set(to slog.Level, by string, log *slog.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set(to, by, log)
}

// Toggle changes to debug, and from there back to the configured level.
func (l *Level) Toggle(by string, log *slog.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := slog.LevelDebug
	if l.Level() == to {
		to = l.configured
	}
	l.set(to, by, log)
}

func (l *Level) set(to slog.Level, by string, log *slog.Logger) {
	was := l.Level()
	if to < was {
		l.now.Set(to)
	}
	if to != was {
		log.LogAttrs(context.Background(), max(slog.LevelInfo, min(was, to)), "log level changed",
			slog.String("old", Word(was)), slog.String("new", Word(to)), slog.String("by", by))
	}
	l.now.Set(to)
}
