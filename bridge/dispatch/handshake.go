package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

const (
	askTime   = 15 * time.Second // that a handshake may take
	askLook   = time.Second      // between two looks at who waits
	askAgain  = 5 * time.Second  // after a handshake that was refused, then twice as long each time
	askMost   = 5 * time.Minute
	askAtOnce = 8
)

const requestOrigin = "Webhook-Request-Origin"

var errNoAsker = errors.New("this process makes no handshakes")

// Handshake asks an endpoint for its consent, and how many requests a minute it takes; 0 is any
// number. The error says why there is none.
func (d *Dispatcher) Handshake(ctx context.Context, ep *endpoint.Endpoint) (perMinute int, err error) {
	if d.conf.Asker == nil {
		return 0, errNoAsker
	}
	o := d.outbound(ep)
	h := delivery.Handshake{Request: o.address(nil), Origin: d.registry.Origin()}
	h.Header = http.Header{}
	for _, x := range o.fixed {
		h.Header[x.name] = x.value
	}
	h.Timeout = min(h.Timeout, askTime)
	if ep.Rate.PerSecond > 0 {
		h.PerMinute = max(int(ep.Rate.PerSecond*60+1e-9), 1)
	}
	return d.conf.Asker.Ask(ctx, h)
}

// An asking gets the consents that are awaited in the process's own shards: of endpoints of the
// environment and the file, which no request registers, and of those that have consented to
// another origin.
type asking struct {
	d    *Dispatcher
	next map[string]again // by endpoint
}

// again is when an endpoint is asked next.
type again struct {
	of    string // what for
	at    time.Time
	pause time.Duration
}

func (a *asking) run(ctx context.Context) {
	for {
		a.round(ctx)
		if !pause(ctx, askLook) {
			return
		}
	}
}

// round asks everyone whose time has come.
func (a *asking) round(ctx context.Context) {
	var asked sync.WaitGroup
	slots := make(chan struct{}, askAtOnce)
	for _, ep := range a.due(time.Now()) {
		slots <- struct{}{}
		asked.Go(func() {
			defer func() { <-slots }()
			a.ask(ctx, ep)
		})
	}
	asked.Wait()
}

// due lists the endpoints that are to be asked now.
func (a *asking) due(now time.Time) (due []*endpoint.Endpoint) {
	d, origin := a.d, a.d.registry.Origin()
	next := map[string]again{}
	for _, ep := range d.registry.Set().All() {
		if !ep.Awaits(origin) || ep.Locked() || d.owned.shard(delivery.ShardOf(ep.ID, d.owned.total())) == nil {
			continue
		}
		w := a.next[ep.ID]
		if of := endpoint.ConsentOf(ep, origin); w.of != of {
			w = again{of: of}
		}
		if !w.at.After(now) {
			w.pause = min(max(2*w.pause, askAgain), askMost)
			w.at = now.Add(w.pause)
			due = append(due, ep)
		}
		next[ep.ID] = w
	}
	a.next = next
	return due
}

func (a *asking) ask(ctx context.Context, ep *endpoint.Endpoint) {
	d := a.d
	perMinute, err := d.Handshake(ctx, ep)
	if ctx.Err() != nil {
		return
	}
	c := endpoint.Consent{Of: endpoint.ConsentOf(ep, d.registry.Origin())}
	if err == nil {
		c.Given, c.PerMinute = time.Now().UTC().Truncate(time.Millisecond), perMinute
		d.log.Info("endpoint consented", slog.String("endpoint", ep.Name), slog.Int("per_minute", perMinute))
	} else {
		c.Refused = err.Error()
		d.trouble.Warn("endpoint waits for its consent, asking again", err, slog.String("endpoint", ep.Name))
	}
	if err := d.registry.SetConsent(ctx, ep.ID, c); err != nil && ctx.Err() == nil && !errors.Is(err, endpoint.ErrNotFound) {
		d.trouble.Warn("consent not written, asking again", err, slog.String("endpoint", ep.Name))
	}
}
