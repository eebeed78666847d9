package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/bridge/bus"
)

// watchInterval is how often disk and server are looked at.
const watchInterval = 500 * time.Millisecond

// A trouble is something wrong with the bus.
type trouble struct {
	err   error
	reach reach
}

// A reach is how much a trouble keeps from going on.
type reach int

const (
	stopsNothing reach = iota // what is written may well succeed, but others can do it better
	stopsEvents               // reserved writes go on
	stopsWrites               // until the others of the cluster are back
	stopsServer               // until it is opened again
)

// Health is nil while events can be published, and in a cluster once this server has caught
// up with the others after its start. The error wraps bus.ErrDiskFull or bus.ErrUnavailable
// and is at most half a second old.
func (s *Server) Health(context.Context) error {
	if t := s.trouble.Load(); t != nil {
		return t.err
	}
	return nil
}

// Usable is what a write would meet: nil, bus.ErrDiskFull or bus.ErrUnavailable. Reserved
// writes (state, journal, dead letters) go on below the disk's watermark.
func (s *Server) Usable(reserved bool) error {
	t := s.trouble.Load()
	if t == nil || t.reach == stopsNothing || reserved && t.reach == stopsEvents {
		return nil
	}
	return t.err
}

// FreeBytes is the free space of the volume at the last look.
func (s *Server) FreeBytes() int64 { return s.free.Load() }

// watch looks at disk and server until ctx ends, and opens the server again when it cannot
// write and there is space.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var next revival
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		s.approach()
		s.look()
		if free := s.free.Load(); s.broken() && free >= s.o.roomToWrite() && next.due(time.Now(), free) {
			s.reopen(ctx)
			next.tried(time.Now(), free)
		}
	}
}

func (s *Server) broken() bool {
	t := s.trouble.Load()
	return t != nil && t.reach == stopsServer
}

// look sets trouble to what is wrong now. A broken server stays so until it is opened again.
func (s *Server) look() {
	if t := s.wrong(); !s.broken() {
		s.setTrouble(t)
	}
}

// wrong is the worst of what is wrong now, nil when nothing is.
func (s *Server) wrong() *trouble {
	v, err := volume(s.o.Dir)
	if err != nil {
		return &trouble{reach: stopsEvents, err: errors.Join(bus.ErrUnavailable, err)}
	}
	s.free.Store(v.free)
	switch fault, astray := s.newFault(), s.astray(); {
	case fault != nil:
		return &trouble{reach: stopsServer, err: s.o.writeError(fault)}
	case astray != nil && astray.reach == stopsWrites:
		return astray
	case v.free < s.o.Watermark:
		return &trouble{reach: stopsEvents, err: fmt.Errorf("%w: %d bytes are free in %s, the watermark is %d", bus.ErrDiskFull, v.free, s.o.Dir, s.o.Watermark)}
	default:
		return astray
	}
}

// newFault is something wrong with a stream, seen at two looks in a row, that was not so when
// the server was opened: opening it again can only help against that.
func (s *Server) newFault() error {
	s.mu.RLock()
	inner, old := s.inner, s.inherited
	s.mu.RUnlock()
	if inner == nil {
		return ErrClosed
	}
	var again error
	now := s.faults(inner)
	for fault := range now {
		if !old[fault] && s.suspect[fault] {
			again = errors.New(fault)
		}
	}
	s.suspect = now
	return again
}

// faults are what the server says is wrong with its storage. That it did not answer in time
// whether it takes connections says nothing about that; neither does, in a cluster, that it
// is behind the others. A full disk ends all of its storage there.
func (s *Server) faults(inner *server.Server) map[string]bool {
	list := map[string]bool{}
	if !inner.JetStreamEnabled() {
		list["the server has given up its storage"] = true
		return list
	}
	for _, e := range inner.Healthz(&server.HealthzOptions{Details: true}).Errors {
		// In a cluster the text is all that tells a stream that cannot write from one that lags.
		if e.Type != server.HealthzErrorConn && (!s.o.clustered() || strings.Contains(e.Error, "write error")) {
			list[e.Error] = true
		}
	}
	for _, fault := range s.described.removed(inner) {
		list[fault] = true
	}
	return list
}

// setTrouble tells of changes once.
func (s *Server) setTrouble(t *trouble) {
	old := s.trouble.Swap(t)
	switch {
	case t != nil && t.reach == stopsNothing && (old == nil || old.err.Error() != t.err.Error()):
		s.o.Log.Warn("the embedded bus is not ready", "error", t.err)
	case t != nil && t.reach != stopsNothing && (old == nil || old.reach != t.reach):
		s.o.Log.Error("the embedded bus takes no events", "error", t.err, "free_bytes", s.free.Load())
	case t == nil && old != nil:
		s.o.Log.Info("the embedded bus takes events again", "free_bytes", s.free.Load())
	}
}

// syncFailed: what was written since the last sync may be gone although the server holds it,
// and no later sync would tell. So the server has to read its files again.
func (s *Server) syncFailed(err error) {
	s.setTrouble(&trouble{reach: stopsServer, err: s.o.writeError(err)})
}

// writeError says whether a failed write is the disk's being full.
func (o *Options) writeError(cause error) error {
	if v, err := volume(o.Dir); err == nil && v.free < o.roomToWrite() {
		return fmt.Errorf("%w: %w", bus.ErrDiskFull, cause)
	}
	return fmt.Errorf("%w: %w", bus.ErrUnavailable, cause)
}

// roomToWrite is what must be free before it is worth opening a server again that could not
// write: above the watermark, and enough for what a start writes and some messages. The largest
// message that is allowed says nothing about that: one of 25 MiB is rare.
func (o *Options) roomToWrite() int64 { return o.Watermark + 4*min(int64(o.MaxPayload), 2<<20) }

// reopen replaces a server that cannot write by a new one on the same files, and ends the
// trouble once all connections are back, which they come by themselves.
func (s *Server) reopen(ctx context.Context) {
	s.o.Log.Warn("opening the embedded bus again", "free_bytes", s.free.Load())
	s.shutdown((*server.Server).LameDuckShutdown)
	err := s.start()
	if err == nil {
		err = s.awaitConns(ctx)
	}
	if err != nil {
		s.setTrouble(&trouble{reach: stopsServer, err: fmt.Errorf("%w: %w", bus.ErrUnavailable, err)})
		return
	}
	s.setTrouble(s.wrong())
}
