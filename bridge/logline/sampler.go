package logline

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"
)

const (
	period    = time.Second
	atOnce    = 50   // lines of a kind that are written within a period
	mostKinds = 4096 // that are told apart within a period
)

// A Sampler passes lines on to another handler, of each kind so many in a second. Of those
// beyond, the newest is written when the second is over, with how many of its kind were left out
// before it (suppressed). So the first lines are never late, the last one is never missing, and
// the lines and their counts always add up to what happened.
//
// Lines are of a kind that have level, message and keys in common, and are about the same
// endpoint and source.
type Sampler struct {
	next slog.Handler
	*sampling
}

// Sample bounds what a handler is given.
func Sample(next slog.Handler) *Sampler {
	return &Sampler{next, &sampling{seed: maphash.MakeSeed(), kinds: map[uint64]*kind{}}}
}

// sampling is what all handlers that are derived from one have in common.
type sampling struct {
	seed maphash.Seed

	mu    sync.Mutex
	kinds map[uint64]*kind // that there were in this period
	ends  *time.Timer      // nil before the first line
}

// A kind is what is known of alike lines within a period.
type kind struct {
	lines   int
	left    int64 // of them that were left out
	newest  slog.Record
	handler slog.Handler // of the newest
}

// Enabled implements slog.Handler.
func (s *Sampler) Enabled(ctx context.Context, l slog.Level) bool { return s.next.Enabled(ctx, l) }

// WithAttrs implements slog.Handler.
func (s *Sampler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Sampler{s.next.WithAttrs(attrs), s.sampling}
}

// WithGroup implements slog.Handler.
func (s *Sampler) WithGroup(name string) slog.Handler {
	return &Sampler{s.next.WithGroup(name), s.sampling}
}

// Handle implements slog.Handler.
func (s *Sampler) Handle(ctx context.Context, r slog.Record) error {
	if !s.admit(s.next, r) {
		return nil
	}
	return s.next.Handle(ctx, r)
}

// Flush writes what is held back of the period that has begun. It is called when the process
// ends.
func (s *Sampler) Flush() { s.end() }

// admit reports whether a line is written now.
func (s *sampling) admit(handler slog.Handler, r slog.Record) bool {
	exact := s.hash(&r, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[exact]
	if k == nil && len(s.kinds) >= mostKinds {
		exact = s.hash(&r, false)
		k = s.kinds[exact]
	}
	if k == nil {
		k = &kind{}
		if len(s.kinds) == 0 {
			s.begin()
		}
		s.kinds[exact] = k
	}
	if k.lines++; k.lines <= atOnce {
		return true
	}
	k.left += 1 + saysSuppressed(&r)
	k.newest, k.handler = r.Clone(), handler
	return false
}

// begin sets the end of a period.
func (s *sampling) begin() {
	if s.ends == nil {
		s.ends = time.AfterFunc(period, s.end)
		return
	}
	s.ends.Reset(period)
}

// end writes the newest lines of a period, and forgets it.
func (s *sampling) end() {
	s.mu.Lock()
	kinds := s.kinds
	s.kinds = map[uint64]*kind{}
	s.mu.Unlock()
	for _, k := range kinds {
		if k.left > 0 {
			_ = k.handler.Handle(context.Background(), k.told()) // where a log cannot be written, there is nobody to tell
		}
	}
}

// told is the newest line, with what was left out before it.
func (k *kind) told() slog.Record {
	r := slog.NewRecord(k.newest.Time, k.newest.Level, k.newest.Message, k.newest.PC)
	k.newest.Attrs(func(a slog.Attr) bool {
		if a.Key != suppressedKey {
			r.AddAttrs(a)
		}
		return true
	})
	r.AddAttrs(Suppressed(k.left - 1))
	return r
}

// saysSuppressed is what a line says itself of those before it.
func saysSuppressed(r *slog.Record) (n int64) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == suppressedKey && a.Value.Kind() == slog.KindInt64 {
			n = a.Value.Int64()
		}
		return true
	})
	return n
}

// hash names the kind of a line; whose it is only where exact.
func (s *sampling) hash(r *slog.Record, exact bool) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	_ = h.WriteByte(byte(r.Level)) // a hash takes everything
	_, _ = h.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == suppressedKey {
			return true
		}
		_ = h.WriteByte(0)
		_, _ = h.WriteString(a.Key)
		if exact && (a.Key == "endpoint" || a.Key == "source") {
			_ = h.WriteByte(1)
			_, _ = h.WriteString(a.Value.String())
		}
		return true
	})
	return h.Sum64()
}
