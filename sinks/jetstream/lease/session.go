package lease

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A session is what a member does until its leases run out. It compares what it sees with what should be and does the
// next thing about every shard, after each event anew. Its loop never waits for the bus.
type session struct {
	*member
	me      memberSession
	term    *bus.Term
	renewal *renewal
	leaving bool

	changes chan change     // the watch sends, run receives
	wrote   chan written    // writes send, run receives
	denied  chan error      // the watch sends, once, that it may not watch; holds one
	busy    map[string]bool // keys with a write on the way
	running sync.WaitGroup  // of writes and the like
}

// written is what became of a write: what the key is now, as far as that is known.
type written struct {
	key string
	now entry // revision 0: not known
}

// run takes, gives and ends, until the term is over or, once stop is closed, everything was
// given. What it starts ends with ctx.
func (s *session) run(ctx context.Context, stop <-chan struct{}) error {
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		select {
		case c := <-s.changes:
			s.learn(c)
		case w := <-s.wrote:
			delete(s.busy, w.key)
			if w.now.rev > 0 {
				s.view.see(w.now, time.Now())
			}
		case <-s.holder.Changed():
		case <-wake.C:
		case <-stop:
			stop, s.leaving = nil, true
			s.holder.GiveAll(ctx)
			close(s.renewal.leave)
		case err := <-s.denied:
			return err
		case <-s.term.Over():
			return errLapsed
		}
		if !s.term.Holds() {
			continue // it is over, and told in a moment
		}
		if s.view.whole() {
			wake.Reset(s.act(ctx, time.Now()))
		}
		if s.leaving && s.empty() {
			return nil
		}
	}
}

func (s *session) learn(c change) {
	if c.begin {
		s.view.begin()
	}
	if c.entry.rev > 0 {
		s.view.watched(c.entry, c.at)
	}
	if c.complete {
		s.view.complete()
	}
}

// empty reports whether nothing is held, nor about to be.
func (s *session) empty() bool {
	return len(s.busy) == 0 && len(s.holder.Shards()) == 0 &&
		!slices.ContainsFunc(s.view.shards, func(p shardState) bool { return p.holder == s.me })
}

// act does what is to be done now and returns after which time to look again.
func (s *session) act(ctx context.Context, now time.Time) time.Duration {
	if present := s.view.present(); !slices.Equal(present, s.wantFor) {
		s.wantFor = present
		s.want = bus.Divide(len(s.view.shards), present)
	}
	for shard := range s.view.shards {
		s.tend(ctx, shard)
	}
	for _, t := range s.view.unknown() {
		s.end(ctx, t)
	}
	return min(s.endSilent(ctx, now), s.unlock(ctx, now))
}

// unlock opens a bucket that is not open yet, once every lease of an earlier one has run out.
// It returns when that will be.
func (s *session) unlock(ctx context.Context, now time.Time) time.Duration {
	if s.view.open {
		return s.times.silence
	}
	if left := s.times.silence - now.Sub(s.met); left > 0 {
		return left
	}
	s.write(ctx, entry{key: openKey, value: openValue})
	return s.times.silence // it is heard of before
}

// tend does the next thing about a shard.
func (s *session) tend(ctx context.Context, shard int) {
	at := s.view.shards[shard]
	key := shardKeys + strconv.Itoa(shard)
	goes := s.leaving || s.want == nil || s.want[shard] != s.id
	switch {
	case s.holder.Has(shard):
		if goes {
			s.holder.Give(ctx, shard)
		}
	case s.busy[key]:
	case at.holder == s.me && goes: // it was given
		s.write(ctx, entry{key: key, rev: at.rev})
	case at.holder == s.me:
		s.holder.Take(shard, s.term)
	case !goes && s.view.open && s.view.ended(at.holder):
		s.write(ctx, entry{key: key, value: s.me.encode(), rev: at.rev})
	}
}

// endSilent ends the sessions of members that have been silent for too long, and removes the keys of
// those that ended long ago. It returns when the next one will have been.
func (s *session) endSilent(ctx context.Context, now time.Time) time.Duration {
	next := s.times.silence
	for id, p := range s.view.peers {
		if id == s.id {
			continue
		}
		left := s.times.silence - now.Sub(p.seen)
		switch {
		case !p.Ended && left <= 0:
			s.end(ctx, memberSession{id, p.Session})
		case !p.Ended:
			next = min(next, left)
		case now.Sub(p.seen) > s.times.keep && s.want != nil && s.want[0] == s.id && !s.view.named(id):
			s.forget(ctx, id, p.rev)
		}
	}
	return next
}

// end writes that a session is over, unless its member has been heard of since.
func (s *session) end(ctx context.Context, t memberSession) {
	e := entry{key: memberKeys + t.member, value: presence{Session: t.session, Ended: true}.encode(), rev: s.view.rev(t.member)}
	s.beside(ctx, e.key, func(ctx context.Context) (entry, error) {
		now, err := s.set(ctx, e)
		if err == nil {
			s.log.Warn("a member was silent, its shards are free", "member", t.member, "session", t.session)
		}
		return now, err
	})
}

func (s *session) write(ctx context.Context, e entry) {
	s.beside(ctx, e.key, func(ctx context.Context) (entry, error) { return s.set(ctx, e) })
}

// set writes a key whose last revision is that of e, and returns what the key is now.
func (s *session) set(ctx context.Context, e entry) (entry, error) {
	rev, err := s.bucket.put(ctx, e.key, e.value, e.rev)
	if errors.Is(err, bus.ErrRefused) {
		now, failed := s.bucket.get(ctx, e.key)
		return now, errors.Join(err, failed)
	}
	return entry{key: e.key, value: e.value, rev: rev}, err
}

// forget removes the key of a member that ended.
func (s *session) forget(ctx context.Context, id string, rev uint64) {
	delete(s.view.peers, id)
	s.beside(ctx, memberKeys+id, func(ctx context.Context) (entry, error) {
		return entry{}, s.bucket.forget(ctx, memberKeys+id, rev)
	})
}

// beside writes a key beside the loop, unless that is done already. The loop hears of it: at
// once if it was written, after a pause if it was not.
func (s *session) beside(ctx context.Context, key string, write func(context.Context) (entry, error)) {
	if s.busy[key] {
		return
	}
	s.busy[key] = true
	s.running.Go(func() {
		limited, cancel := context.WithTimeout(ctx, s.times.answer)
		now, err := write(limited)
		cancel()
		if err != nil {
			select {
			case <-time.After(s.times.pause):
			case <-ctx.Done():
			}
		}
		select {
		case s.wrote <- written{key, now}:
		case <-ctx.Done():
		}
	})
}
