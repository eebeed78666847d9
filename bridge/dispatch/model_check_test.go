package dispatch_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

const (
	// settled is when whatever can still happen by itself has happened.
	settled = 5 * time.Minute
	// learning is how long a process may take to hear that an endpoint is blocked.
	learning = 10 * time.Second
)

// byName must be called with the lock.
func (m *model) byName(name string) *party {
	for _, x := range m.parties {
		if x.Name == name {
			return x
		}
	}
	return nil
}

func (m *model) answer(name, event string, attempt int) delivery.Response {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.byName(name).mode {
	case "failing":
		return failure
	case "flaky":
		if attempt%2 == 1 {
			return failure
		}
	case "dead":
		return delivery.Response{Reason: delivery.ReasonTimeout}
	case "refusing":
		return noListener
	case "limited":
		if attempt%3 != 0 {
			return delivery.Response{Status: 429, Reason: delivery.ReasonLimited, RetryAfter: 4 * time.Second}
		}
	case "throttled":
		if attempt%3 != 0 {
			return delivery.Response{Status: 503, Reason: delivery.ReasonStatus}
		}
	case "gone":
		if m.byName(name).blocked.IsZero() {
			m.byName(name).blocked = time.Now().Add(time.Minute) // it will be, the operator does not know
		}
		delete(m.byName(name).owed, event) // refused for good
		return delivery.Response{Status: 410, Reason: delivery.ReasonGone}
	}
	return delivery.Response{Status: 200}
}

func (m *model) latency(name string) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.byName(name).mode {
	case "slow":
		return 2500 * time.Millisecond
	case "dead":
		return 10 * time.Second
	}
	return 10 * time.Millisecond
}

// begin watches what one process may do to one endpoint at a time.
func (m *model) begin(p *process, name string) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	x, now := m.byName(name), time.Now()
	if m.posts[p] == nil {
		m.posts[p] = map[string]*traffic{}
	}
	t := m.posts[p][name]
	if t == nil {
		t = &traffic{}
		m.posts[p][name] = t
	}
	t.running++
	if t.running > x.Concurrency {
		m.wrong = append(m.wrong, fmt.Sprintf("%d attempts at once to %s, which takes %d", t.running, name, x.Concurrency))
	}
	l := m.life(p)
	if x.Rate.PerSecond > 0 && !l.froze && now.Sub(t.last) < time.Duration(float64(time.Second)/x.Rate.PerSecond) {
		m.wrong = append(m.wrong, fmt.Sprintf("attempts to %s %v apart", name, now.Sub(t.last)))
	}
	t.last = now
	if !m.unsteady && !m.tainted && !m.s.Leases && !l.froze {
		if wrong := t.outage.begins(now, x); len(wrong) > 0 {
			m.wrong = append(m.wrong, wrong...)
		}
	}
	if h := x.held; m.heeds(p, x) && now.Before(h.until) && now.After(h.at.Add(time.Millisecond)) {
		m.wrong = append(m.wrong, fmt.Sprintf("an attempt to %s, %v before the time that it asked for", name, h.until.Sub(now)))
	}
	if !x.blocked.IsZero() && now.Sub(x.blocked) > learning && now.Sub(l.born) > learning && !m.unsteady {
		m.wrong = append(m.wrong, fmt.Sprintf("an attempt to %s, which has been blocked for %v", name, now.Sub(x.blocked)))
	}
	var end func()
	if m.s.Leases && !l.froze {
		end = m.across(p, x)
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		t.running--
		if end != nil {
			end()
		}
	}
}

// An asked is a Retry-After: nothing begins before until, if nobody lifts it.
type asked struct {
	at, until time.Time
	of        *process
}

// asks notes a Retry-After.
func (m *model) asks(p *process, name string, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.byName(name).held = asked{now, now.Add(wait), p}
}

// heeds: the process must know what an endpoint asked for, since it heard it or took over from
// whoever did, and nothing was done that may have ended the hold.
func (m *model) heeds(p *process, x *party) bool {
	l := m.life(p)
	if m.unsteady || m.tainted || l.froze || time.Since(x.lifted) < 30*time.Second {
		return false
	}
	return x.held.of == p || l.alone && !m.s.Leases && l.born.After(x.held.at.Add(time.Second))
}

// finish lets everything calm down, first with a process that has lived through it, then
// with a fresh one.
func (m *model) finish() {
	m.check()
	for _, x := range m.parties {
		m.mu.Lock()
		x.mode = "well"
		x.blocked = time.Time{}
		m.mu.Unlock()
	}
	m.full = false
	m.noise.Store(0)
	m.w.store.SetRoom(bus.Room{})
	for _, p := range slices.Clone(m.alive) {
		p.client.Thaw()
		p.client.Set(dispatchtest.Faults{})
		if p != m.alive[len(m.alive)-1] {
			m.end(p, "kill")
		}
	}
	m.moving.Wait()
	if len(m.alive) == 0 {
		pass(20 * time.Second) // what is still on its way lands
		m.start()
	}
	if m.s.Leases {
		m.alive[0].seat.Tell()
		m.share()
	}
	if len(m.wrong) == 0 {
		m.calm()
	}
	for _, p := range slices.Clone(m.alive) {
		m.end(p, "kill")
	}
	for _, l := range m.processes {
		<-l.done
	}
}

// calm: the process that lives delivers all that is owed, forgets it, hands over, and the
// next one begins nothing.
func (m *model) calm() {
	for i, p := range partitions[:m.s.Partitions] { // memory of events that a power cut took goes when others take their places
		m.publish(p, int(m.furthest[i])+1)
	}
	enable(m.registry)
	pass(settled)
	p := m.alive[0]
	enable(m.registry) // some may have been disabled while things calmed down
	pass(settled)
	if missed := missed(m.w, m.outstanding()); missed != "" {
		m.fail("the owner that lived forgot %s", missed)
	}
	if left := p.dispatcher.Remembered(); len(left) > 0 && len(m.wrong) == 0 {
		m.fail("still in memory: %s", strings.Join(left, "; "))
	}
	m.mu.Lock()
	m.alive = nil
	m.mu.Unlock()
	if err := p.stop(); err != nil {
		m.fail("stop: %v", err)
	}
	posts := m.w.posted()
	m.start()
	pass(time.Minute)
	if n := m.w.posted() - posts; n > 0 {
		m.fail("the owner behind a hand-over made %d attempts", n)
	}
	m.check()
}

// enable sets every endpoint going.
func enable(r *endpoint.Registry) {
	set, err := r.Refresh(context.Background())
	if err != nil {
		panic(err)
	}
	for _, e := range set.All() {
		if _, err := r.SetState(context.Background(), e.ID, endpoint.Enabled, ""); err != nil {
			panic(err)
		}
	}
}

// A pair is an event and the endpoint that it is owed to.
type pair struct{ endpoint, event string }

// outstanding lists what is owed and was not delivered yet.
func (m *model) outstanding() (all []pair) {
	m.mu.Lock()
	for _, x := range m.parties {
		for _, ev := range slices.Sorted(maps.Keys(x.owed)) {
			if x.owed[ev] && !x.deleted {
				all = append(all, pair{x.Name, ev})
			}
		}
	}
	m.mu.Unlock()
	return slices.DeleteFunc(all, func(p pair) bool { return m.w.delivered(p.endpoint, p.event) > 0 })
}

func missed(w *world, owed []pair) string {
	var all []string
	for _, p := range owed {
		if w.delivered(p.endpoint, p.event) == 0 {
			all = append(all, p.event+" for "+p.endpoint)
		}
	}
	return strings.Join(all, ", ")
}

// A check is what the bus held at one moment, and what was still owed.
type check struct {
	at    time.Time
	store *dispatchtest.Store
	owed  []pair
}

func (m *model) check() {
	held := m.w.store.Clone() // what is delivered while we look is not missed
	m.checks = append(m.checks, check{time.Now(), held, m.outstanding()})
}

// succeed lets a fresh owner take over what the bus held, and returns what it did not deliver.
func (c check) succeed(t *testing.T, s script) string {
	pass(time.Until(c.at))
	w := newWorld(t)
	w.small, w.store = true, c.store
	w.log.Info("CHECK")
	p := w.launch(s.Shards)
	if err := p.prepare(); err != nil {
		return err.Error()
	}
	p.run()
	enable(p.registry)
	pass(settled)
	p.kill()
	<-p.done
	return missed(w, c.owed)
}

// verdict is what the books say in the end.
func (m *model) verdict() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.wrong) > 0 {
		return strings.Join(m.wrong, "\n")
	}
	ids := map[string]string{}
	for _, p := range m.w.posts {
		x := m.byName(p.endpoint)
		if !x.may[p.event] {
			return fmt.Sprintf("%s was sent to %s at %v and is not for it", p.event, p.endpoint, p.at)
		}
		key := p.endpoint + " " + p.event
		if was, ok := ids[key]; ok && was != p.id {
			return fmt.Sprintf("attempts of %s to %s have the ids %s and %s", p.event, p.endpoint, was, p.id)
		}
		ids[key] = p.id
	}
	if m.tainted {
		return ""
	}
	for _, l := range m.processes {
		for _, p := range m.w.posts {
			if p.owner == l.process && l.alone && !m.s.Leases && l.known[p.delivery] && !m.retried[p.delivery] {
				return fmt.Sprintf("%s was sent to %s again at %v, its end was in the journal before the load", p.event, p.endpoint, p.at)
			}
		}
	}
	if wrong := m.disordered(); wrong != "" {
		return wrong
	}
	if again := m.repeated(); again != "" {
		return again
	}
	for shard := range m.s.Shards {
		if err := dispatch.MovedBack(context.Background(), m.w.store.Connect(), shard); err != nil {
			return fmt.Sprintf("shard %d: %v", shard, err)
		}
	}
	return ""
}
