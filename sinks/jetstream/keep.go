package jetstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
)

const (
	// keepEvery is the time between two looks at our streams.
	keepEvery = 2 * time.Second
	// looksToBeSure is how many times in a row the cluster has to say that a stream does not
	// exist before that is believed.
	looksToBeSure = 3
)

// A loss is a stream, or whoever took a topic, that was there and is not any more.
type loss struct {
	looks int  // that did not find it, in a row
	told  bool // it was logged
}

// lacking are the losses as Health says them, by what is lost.
type lacking struct {
	count atomic.Int64 // of them
	mu    sync.Mutex
	why   map[string]string
}

func (a *lacking) say(what, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.why[what] = why
	a.count.Store(int64(len(a.why)))
}

func (a *lacking) forget(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.why, what)
	a.count.Store(int64(len(a.why)))
}

// untaken is why an acknowledgement for a topic is not believed: no stream takes it, so somebody else
// has answered. It is nil where one does.
func (a *lacking) untaken(topic string) error {
	if a.count.Load() == 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for what, why := range a.why {
		if subject.Collide(what, topic) {
			return fmt.Errorf("%w: %s", bus.ErrUnavailable, why)
		}
	}
	return nil
}

// err names all of them, nil when there are none.
func (a *lacking) err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.why) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", bus.ErrUnavailable, strings.Join(slices.Sorted(maps.Values(a.why)), "; "))
}

// keep watches over our streams, which others administer, or whose files others can reach. What
// can begin anew is created again; without its state or its registry an installation would forget silently what
// was pending and for whom, so those are for an operator to bring back, as are streams of others
// that sources publish to.
func (s *streams) keep(ctx context.Context) {
	losses := map[string]*loss{}
	of := func(what string) *loss {
		if losses[what] == nil {
			losses[what] = &loss{}
		}
		return losses[what]
	}
	t := time.NewTicker(keepEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		if s.usable(true) != nil {
			clear(losses) // a server that is opened again has not found all of its streams yet
			continue
		}
		for _, want := range s.shapes(nil) {
			info := s.look(ctx, &want, of(want.Name))
			if info == nil || want.role != forEvents {
				continue
			}
			for _, topic := range s.intake() {
				s.lookFor(ctx, topic, info.Config.Subjects, of(topic))
			}
		}
	}
}

// look returns what it found of a stream, nil when it is missing or not known to be there.
func (s *streams) look(ctx context.Context, want *shape, l *loss) *jetstream.StreamInfo {
	info, err := want.link.Info(ctx, want.Name)
	switch {
	case err == nil:
		s.found("stream", want.Name, l)
		s.identities.learn(want.Name, link.Identity(info))
		return info
	case !errors.Is(err, link.ErrNoStream):
		l.looks = 0 // whether it is there is not known
		return nil
	}
	why := "stream " + want.Name + " is missing"
	if !want.renewable(s.names) {
		why += ", and with it what was pending, or for whom: " + broughtBack
	}
	s.lacking.say(want.Name, why)
	if l.looks++; l.looks < looksToBeSure {
		return nil
	}
	if !want.renewable(s.names) {
		if !l.told {
			s.o.Log.Error("a stream is missing that is not created again, because what it held would be forgotten: "+broughtBack, "stream", want.Name)
		}
		l.told = true
		return nil
	}
	if !l.told {
		s.o.Log.Error("a stream is missing, creating it again: what it held is lost", "stream", want.Name)
	}
	l.told = true
	switch err := s.renew(ctx, want); {
	case err == nil:
		s.lacking.forget(want.Name)
	case ctx.Err() == nil:
		s.o.Log.Error("a stream that is missing cannot be created", "stream", want.Name, "error", err)
	}
	return nil
}

// broughtBack is what to do about a state or a registry that is missing.
const broughtBack = "restore it from a backup (of an embedded bus: its folder)"

// lookFor looks whether a stream takes a topic that intake writes to. Whose stream it was may be
// about to create it again, and could not if ours took the topic in meanwhile.
func (s *streams) lookFor(ctx context.Context, topic string, ours []string, l *loss) {
	taken := slices.ContainsFunc(ours, func(p string) bool { return subject.Collide(p, topic) })
	if !taken {
		holders, err := s.events.Names(ctx, topic)
		if err != nil {
			l.looks = 0
			return
		}
		taken = len(holders) > 0
	}
	if taken {
		s.found("topic", topic, l)
		return
	}
	s.lacking.say(topic, "no stream takes "+topic+", which sources publish to: create the one that did again, or restart Hookspan, whose own takes it in then")
	if l.looks++; l.looks >= looksToBeSure && !l.told {
		l.told = true
		s.o.Log.Error("no stream takes a topic that sources publish to: create the one that did again, or restart, and our own takes it in", "topic", topic)
	}
}

// found notes that there is no loss, or none any more.
func (s *streams) found(kind, name string, l *loss) {
	if l.told {
		s.o.Log.Info(kind+" is there again", kind, name)
	}
	*l = loss{}
	s.lacking.forget(name)
}

func (w *shape) renewable(n names) bool { return w.Name != n.state && w.Name != n.registry }

// renew creates a stream again. Sequences of events begin anew: their positions name the
// stream's identity. Those of logs do not.
func (s *streams) renew(ctx context.Context, want *shape) error {
	if want.succeed(); want.role != forEvents {
		return s.makeStream(ctx, want)
	}
	subjects, err := s.eventSubjects(ctx)
	if err != nil {
		return err
	}
	want.Subjects = subjects
	if err := s.makeStream(ctx, want); err != nil {
		return err
	}
	_, err = s.topics.Spans(ctx) // learns its identity
	return err
}

// refuseLost fails when one of state and registry is missing and the other one holds records:
// to create it empty would forget silently what was pending, or for whom.
func (s *streams) refuseLost(ctx context.Context) error {
	for _, pair := range [][2]string{{s.names.state, s.names.registry}, {s.names.registry, s.names.state}} {
		missing, other := pair[0], pair[1]
		if _, err := s.private.Info(ctx, missing); !errors.Is(err, link.ErrNoStream) {
			if err != nil {
				return err
			}
			continue
		}
		if holds, err := s.holdsRecords(ctx, other); err != nil {
			return err
		} else if !holds {
			continue
		}
		// Another replica may have made both since.
		if _, err := s.private.Info(ctx, missing); !errors.Is(err, link.ErrNoStream) {
			if err != nil {
				return err
			}
			continue
		}
		return fmt.Errorf("stream %s is missing although %s holds records: %s, or remove %s too and begin anew", missing, other, broughtBack, other)
	}
	return nil
}

// holdsRecords reports whether anything was ever written to a stream of ours.
func (s *streams) holdsRecords(ctx context.Context, stream string) (bool, error) {
	info, err := s.private.Info(ctx, stream)
	if errors.Is(err, link.ErrNoStream) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return info.State.LastSeq > 0, nil
}
