package embedded_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// A listener hears what a server says.
type listener struct {
	mu    sync.Mutex
	heard []string
}

func (l *listener) log() *slog.Logger { return slog.New(l) }

func (l *listener) Enabled(context.Context, slog.Level) bool { return true }
func (l *listener) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *listener) WithGroup(string) slog.Handler            { return l }

func (l *listener) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	l.heard = append(l.heard, text)
	return nil
}

func (l *listener) count(part string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, text := range l.heard {
		if strings.Contains(text, part) {
			n++
		}
	}
	return n
}
