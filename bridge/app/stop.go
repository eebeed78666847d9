package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// A stopPlan shares out the time that a stop may take in all (HOOKSPAN_STOP_GRACE). What a
// part leaves over is the next one's.
type stopPlan struct {
	attempts time.Duration // that run, and requests in hand, get to finish
	writing  time.Duration // for journal and hand-over
	closing  time.Duration // for the bus
}

func stopping(grace time.Duration) stopPlan {
	p := stopPlan{writing: min(grace/3, 5*time.Second), closing: min(grace/6, 2*time.Second)}
	p.attempts = grace - p.writing - p.closing
	return p
}

// workers are what runs while the process is ready.
type workers struct {
	delivery, rest         context.Context // the rest serves the intake as well, and ends after it
	stopDelivery, stopRest context.CancelFunc
	running                sync.WaitGroup
}

func newWorkers(ctx context.Context) *workers {
	w := &workers{}
	w.rest, w.stopRest = context.WithCancel(context.WithoutCancel(ctx))
	w.delivery, w.stopDelivery = context.WithCancel(w.rest)
	return w
}

// StopBy is when everything has to be over, the bus closed too. It may be asked once Run has
// returned.
func (a *App) StopBy() time.Time { return a.stopBy }

// stop lets no attempt begin, closes the intake while those that run finish, and ends what
// answers about both at last.
func (a *App) stop(w *workers) error {
	a.notReady("stopping")
	began, plan := time.Now(), stopping(a.Config.StopGrace)
	a.stopBy = began.Add(a.Config.StopGrace)
	w.stopDelivery()
	a.closeIntake(began.Add(plan.attempts))
	w.stopRest()
	err := w.join(a.stopBy.Add(-plan.closing / 2))
	_ = a.controlServer.Close()
	a.doors.close()
	return err
}

// closeIntake answers the requests in hand. Those that are not done by the deadline are cut
// off: their senders have no answer and come again.
func (a *App) closeIntake(deadline time.Time) {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	if a.receiver != nil {
		if err := a.receiver.Close(ctx); err != nil {
			a.Log.Warn("requests were cut off by the stop, their senders come again", slog.Any("error", err))
		}
	}
	a.shutIntake(ctx)
}

// errStillRunning: what has to end by itself has not.
var errStillRunning = errors.New("stop: not everything has ended within HOOKSPAN_STOP_GRACE; what was not handed over is repeated by its next owner")

// join waits for the workers, and no longer than till then.
func (w *workers) join(latest time.Time) error {
	joined := make(chan struct{}) // closed once all have ended
	go func() {
		defer close(joined)
		w.running.Wait()
	}()
	late := time.NewTimer(time.Until(latest))
	defer late.Stop()
	select {
	case <-joined:
		return nil
	case <-late.C:
		return errStillRunning
	}
}
