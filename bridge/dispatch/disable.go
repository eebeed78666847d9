package dispatch

import (
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

const disableRetry = time.Second

// disable stops an endpoint until an operator enables it. Its lane begins nothing meanwhile.
func (a attempt) disable(reason string) {
	s, l, ep := a.shard, a.lane, a.ep
	d := s.d
	for {
		made, err := d.registry.SetState(d.attemptsCtx, ep.ID, endpoint.Disabled, reason)
		if err == nil {
			s.mu.Lock()
			l.disabled = made.Revision
			s.mu.Unlock()
			break
		}
		if errors.Is(err, endpoint.ErrNotFound) || errors.Is(err, endpoint.ErrRemoved) {
			a.spare() // nobody is left to disable; one that is removed may return
			return
		}
		if d.attemptsCtx.Err() == nil {
			d.trouble.Warn("endpoint not disabled, trying again", err, slog.String("endpoint", ep.Name))
		}
		if !pause(d.attemptsCtx, disableRetry) {
			return
		}
	}
	d.log.Warn("endpoint disabled", slog.String("endpoint", ep.Name), slog.String("reason", reason))
	a.report(opsEvent(opsDisabled, ep.ID+"/"+strconv.FormatInt(time.Now().UnixNano(), 36), ep, opsEndpoint{Endpoint: ep.ID, Name: ep.Name, Reason: reason}))
}

// spare lets a lane go on that was to be disabled.
func (a attempt) spare() {
	s, l := a.shard, a.lane
	s.mu.Lock()
	defer s.mu.Unlock()
	l.disabled = bus.NoPosition
	l.pump(time.Now())
}
