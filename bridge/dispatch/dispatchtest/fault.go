package dispatchtest

import (
	"context"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Faults are asked before each call of a client. Nil functions do nothing.
type Faults struct {
	// Append is asked for every record of a chained log.
	Append func(bus.LogName) Fault
	// Journal is asked for every entry of a journal.
	Journal func() Fault
	// Most is how many bytes the bus takes in a record, an entry of a journal or an event; 0: any.
	Most int
	// Call is asked by every other call, by name, and between the batches of Follow. An error
	// is what the call returns.
	Call func(name string) error
}

// A Fault is how one write goes wrong. The zero Fault is none.
type Fault struct {
	Delay   time.Duration // before it reaches the bus
	Refuse  bool          // refused for no reason
	Err     error         // the bus answers so without having written
	LoseAck bool          // it lands, its acknowledgement does not arrive
	Copy    time.Duration // another copy lands so much later; 0: none
}

// A link is what can happen to a client as a whole: it is killed for good, or frozen, like
// its process, until it is thawed.
type link struct {
	gone chan struct{} // closed by Kill
	once sync.Once

	mu     sync.Mutex
	faults Faults
	thaw   chan struct{} // closed by Thaw; nil when the client is not frozen
}

// Set replaces the client's faults.
func (l *link) Set(f Faults) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = f
}

func (l *link) now() Faults {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.faults
}

// Kill cuts the connection for good.
func (l *link) Kill() { l.once.Do(func() { close(l.gone) }) }

// Dead reports whether the client was killed.
func (l *link) Dead() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// Freeze stops the client: its calls neither begin nor return until Thaw.
func (l *link) Freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.thaw == nil {
		l.thaw = make(chan struct{})
	}
}

// Thaw lets a frozen client go on.
func (l *link) Thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.thaw != nil {
		close(l.thaw)
		l.thaw = nil
	}
}

// Alive waits while the client is frozen. It reports false, once ctx has ended, when the
// client was killed: a killed process learns nothing any more.
func (l *link) Alive(ctx context.Context) bool {
	l.mu.Lock()
	thaw := l.thaw
	l.mu.Unlock()
	if thaw != nil {
		select {
		case <-thaw:
		case <-l.gone:
		}
	}
	if l.Dead() {
		<-ctx.Done()
		return false
	}
	return true
}

// ask lets a call through, or says how it fails.
func (l *link) ask(ctx context.Context, name string) error {
	if !l.Alive(ctx) {
		return bus.ErrUnavailable
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if call := l.now().Call; call != nil {
		return call(name)
	}
	return nil
}

// send carries a write to the bus with a fault of the moment. Once it is on its way it lands
// whatever becomes of the sender.
func (l *link) send(ctx context.Context, f Fault, land func() (int64, error)) (int64, error) {
	switch {
	case !l.Alive(ctx):
		return bus.NoPosition, bus.ErrUnavailable
	case ctx.Err() != nil:
		return bus.NoPosition, ctx.Err()
	case f.Refuse:
		return bus.NoPosition, bus.ErrRefused
	case f.Err != nil:
		return bus.NoPosition, f.Err
	}
	type answer struct {
		pos int64
		err error
	}
	answers := make(chan answer, 1) // the write's goroutine sends once; nobody closes
	write := func() {
		pos, err := land()
		if f.Copy > 0 {
			time.AfterFunc(f.Copy, func() { _, _ = land() })
		}
		answers <- answer{pos, err}
	}
	if f.Delay > 0 {
		time.AfterFunc(f.Delay, write)
	} else {
		write()
	}
	select {
	case <-ctx.Done():
		return bus.NoPosition, ctx.Err()
	case a := <-answers:
		if !l.Alive(ctx) || f.LoseAck && a.err == nil {
			return bus.NoPosition, bus.ErrUnavailable
		}
		return a.pos, a.err
	}
}
