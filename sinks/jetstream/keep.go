package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

const (
	// keepEvery is the time between two looks at our streams.
	keepEvery = 2 * time.Second
	// looksToBeSure is how many times in a row the cluster has to say that a stream does not
	// exist before that is believed.
	looksToBeSure = 3
)

// A loss is a stream that was there and is not any more.
type loss struct {
	looks int  // that did not find it, in a row
	told  bool // it was logged
}

// keep watches over our streams, which others administer, or whose files others can reach. What
// can begin anew is created again; without its state or its registry an installation would forget silently what
// was pending and for whom, so those are for an operator to bring back.
func (s *streams) keep(ctx context.Context) {
	losses := map[string]*loss{}
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
			l := losses[want.Name]
			if l == nil {
				l = &loss{}
				losses[want.Name] = l
			}
			s.look(ctx, &want, l)
		}
	}
}

func (s *streams) look(ctx context.Context, want *shape, l *loss) {
	info, err := want.link.Info(ctx, want.Name)
	switch {
	case err == nil:
		if l.told {
			s.o.Log.Info("stream is there again", "stream", want.Name)
		}
		*l = loss{}
		s.identities.learn(want.Name, link.Identity(info))
		return
	case !errors.Is(err, link.ErrNoStream):
		l.looks = 0 // whether it is there is not known
		return
	}
	if l.looks++; l.looks < looksToBeSure {
		return
	}
	if !want.renewable(s.names) {
		if !l.told {
			s.o.Log.Error("a stream is missing that is not created again, because what it held would be forgotten: restore it from a backup", "stream", want.Name)
		}
		l.told = true
		return
	}
	if !l.told {
		s.o.Log.Error("a stream is missing, creating it again: what it held is lost", "stream", want.Name)
	}
	l.told = true
	if err := s.renew(ctx, want); err != nil && ctx.Err() == nil {
		s.o.Log.Error("a stream that is missing cannot be created", "stream", want.Name, "error", err)
	}
}

func (w *shape) renewable(n names) bool { return w.Name != n.state && w.Name != n.registry }

// renew creates a stream again. Sequences of events begin anew: their positions name the
// stream's identity. Those of logs do not.
func (s *streams) renew(ctx context.Context, want *shape) error {
	if want.role != forEvents {
		want.FirstSeq = successorStart()
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
	if s.o.Disk != nil {
		return nil
	}
	for _, pair := range [][2]string{{s.names.state, s.names.registry}, {s.names.registry, s.names.state}} {
		missing, other := pair[0], pair[1]
		if _, err := s.private.Info(ctx, missing); !errors.Is(err, link.ErrNoStream) {
			if err != nil {
				return err
			}
			continue
		}
		switch info, err := s.private.Info(ctx, other); {
		case errors.Is(err, link.ErrNoStream):
			continue
		case err != nil:
			return err
		case info.State.LastSeq == 0:
			continue
		}
		// Another replica may have made both since.
		if _, err := s.private.Info(ctx, missing); !errors.Is(err, link.ErrNoStream) {
			if err != nil {
				return err
			}
			continue
		}
		return fmt.Errorf("stream %s is missing although %s holds records: restore it from a backup, or remove %s too and begin anew", missing, other, other)
	}
	return nil
}
