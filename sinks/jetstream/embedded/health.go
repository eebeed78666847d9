package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/disk"
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

// A condition is what is wrong now. It may be asked from any goroutine.
type condition struct {
	trouble atomic.Pointer[trouble] // nil: all is well
	free    atomic.Int64            // bytes of the volume at the last look
	log     *slog.Logger
}

func (c *condition) broken() bool {
	t := c.trouble.Load()
	return t != nil && t.reach == stopsServer
}

// set tells of changes once.
func (c *condition) set(t *trouble) {
	old := c.trouble.Swap(t)
	switch {
	case t != nil && t.reach == stopsNothing && (old == nil || old.err.Error() != t.err.Error()):
		c.log.Warn("the embedded bus is not ready", "error", t.err)
	case t != nil && t.reach != stopsNothing && (old == nil || old.reach != t.reach):
		c.log.Error("the embedded bus takes no events", "error", t.err, "free_bytes", c.free.Load())
	case t == nil && old != nil:
		c.log.Info("the embedded bus takes events again", "free_bytes", c.free.Load())
	}
}

// Health is nil while events can be published, and in a cluster once this server has caught
// up with the others after its start. The error wraps bus.ErrDiskFull or bus.ErrUnavailable
// and is at most half a second old.
func (s *Server) Health(context.Context) error {
	if t := s.now.trouble.Load(); t != nil {
		return t.err
	}
	return nil
}

// Usable is what a write would meet: nil, bus.ErrDiskFull or bus.ErrUnavailable. Reserved
// writes (state, journal, dead letters) go on below the disk's watermark.
func (s *Server) Usable(reserved bool) error {
	t := s.now.trouble.Load()
	if t == nil || t.reach == stopsNothing || reserved && t.reach == stopsEvents {
		return nil
	}
	return t.err
}

// FreeBytes is the free space of the volume at the last look.
func (s *Server) FreeBytes() int64 { return s.now.free.Load() }

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
		if free := s.now.free.Load(); s.now.broken() && free >= s.o.roomToWrite() && next.due(time.Now(), free) {
			s.reopen(ctx)
			next.tried(time.Now(), free)
		}
	}
}

// look sets trouble to what is wrong now. A broken server stays so until it is opened again.
func (s *Server) look() {
	if t := s.wrong(); !s.now.broken() {
		s.now.set(t)
	}
}

// wrong is the worst of what is wrong now, nil when nothing is.
func (s *Server) wrong() *trouble {
	v, err := disk.Volume(s.o.Dir)
	if err != nil {
		return &trouble{reach: stopsEvents, err: errors.Join(bus.ErrUnavailable, err)}
	}
	s.now.free.Store(v.Free)
	switch fault, astray := s.faults.fresh(s.current()), s.astray(); {
	case fault != nil:
		return &trouble{reach: stopsServer, err: s.o.writeError(fault)}
	case astray != nil && astray.reach == stopsWrites:
		return astray
	case v.Free < s.o.Watermark:
		return &trouble{reach: stopsEvents, err: fmt.Errorf("%w: %d bytes are free in %s, the watermark is %d", bus.ErrDiskFull, v.Free, s.o.Dir, s.o.Watermark)}
	default:
		return astray
	}
}

// astray is what keeps a server of a cluster from working, nil when nothing does.
func (s *Server) astray() *trouble {
	if s.cluster == nil {
		return nil
	}
	inner := s.current()
	if inner == nil {
		return &trouble{reach: stopsWrites, err: ErrClosed}
	}
	switch alone, err := s.cluster.Working(inner); {
	case err == nil:
		return nil
	case alone:
		return &trouble{reach: stopsWrites, err: err}
	default:
		return &trouble{reach: stopsNothing, err: err}
	}
}

// believed is flush until it has failed: what was written since the last sync may be gone then
// although the server holds it, and no later sync would tell, not even those who wrote while it
// ran. So there is none until the server has read its files again. Nor is believed what was
// written to files that somebody has removed, or to a server that is not there any more.
func (s *Server) believed(flush func() error) func() error {
	return func() error {
		inner := s.current()
		if t := s.now.trouble.Load(); t != nil && t.reach == stopsServer {
			return t.err
		}
		err := flush()
		if err == nil && s.current() != inner {
			return ErrClosed
		}
		if err == nil {
			err = s.faults.kept.intact(s.current)
		}
		if err != nil {
			s.now.set(&trouble{reach: stopsServer, err: s.o.writeError(err)})
		}
		return err
	}
}

// writeError says whether a failed write is the disk's being full.
func (o *Options) writeError(cause error) error {
	if v, err := disk.Volume(o.Dir); err == nil && v.Free < o.roomToWrite() {
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
	s.o.Log.Warn("opening the embedded bus again", "free_bytes", s.now.free.Load())
	s.shutdown((*server.Server).LameDuckShutdown)
	err := s.start()
	if err == nil {
		err = awaitConns(ctx, s.ours())
	}
	if err != nil {
		s.now.set(&trouble{reach: stopsServer, err: fmt.Errorf("%w: %w", bus.ErrUnavailable, err)})
		return
	}
	_ = s.group.Wait(ctx) // what the old server acknowledged and nobody has synced is not believed
	s.now.set(s.wrong())
}
