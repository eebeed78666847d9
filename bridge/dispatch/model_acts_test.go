package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

func (m *model) publish(p bus.Partition, n int) {
	for range n {
		e := dispatchtest.Event(len(m.events), []string{"a.x", "b.x"}[len(m.events)%2])
		at := m.w.store.Publish(p, e)
		ev := &published{id: e.ID, typ: e.Type, partition: p, at: at}
		m.mu.Lock()
		m.events = append(m.events, ev)
		for _, x := range m.parties {
			x.owed[ev.id] = !x.deleted && wants(x.Events, x.Active, ev)
			x.may[ev.id] = x.owed[ev.id] || slices.ContainsFunc(x.former, func(f former) bool {
				return wants(f.events, f.active, ev) && (m.unsteady || time.Since(f.until) < learning)
			})
		}
		m.mu.Unlock()
		if m.random.IntN(4) == 0 {
			pass(time.Duration(m.random.IntN(40)) * time.Millisecond)
		}
	}
}

func wants(events []string, active bool, ev *published) bool {
	return active && slices.ContainsFunc(events, func(pattern string) bool {
		return pattern == "*" || strings.HasPrefix(ev.typ, strings.TrimSuffix(pattern, "*"))
	})
}

var filters = [][]string{{"*"}, {"a.*"}, {"b.*"}, {"none"}}

func (m *model) create(a, b int) {
	if len(m.parties) >= 5 {
		return
	}
	x := &party{mode: "well", may: map[string]bool{}, owed: map[string]bool{}}
	e := receiver(fmt.Sprintf("ep%d", len(m.parties)), func(e *endpoint.Endpoint) {
		e.Events, e.Concurrency, e.Timeout = filters[a%3], 1+b%3, 10*time.Second
		e.Schedule = endpoint.Waits(slices.Repeat([]time.Duration{3 * time.Second}, 100)...)
		e.Ordered = b%3 == 1 // by the subject
		if b%4 == 3 {
			e.Rate = endpoint.Rate{PerSecond: 5, Burst: 1}
		}
		if a%4 == 3 {
			e.Start = endpoint.StartAll
		}
	})
	m.mu.Lock()
	x.Endpoint = e
	m.parties = append(m.parties, x)
	m.mu.Unlock()
	made, err := m.registry.Create(context.Background(), e)
	if err != nil {
		m.fail("create: %v", err)
		return
	}
	m.mu.Lock()
	x.Endpoint = made
	m.mu.Unlock()
	for _, ev := range m.events {
		x.may[ev.id] = ev.cut
		if made.Start == endpoint.StartAll && wants(made.Events, made.Active, ev) {
			x.may[ev.id], x.owed[ev.id] = true, m.kept(ev) // what is gone, a reader may still have
		}
	}
}

// kept: the event is still on the bus.
func (m *model) kept(ev *published) bool {
	return slices.ContainsFunc(m.w.store.Kept(ev.partition), func(x bus.Message) bool {
		return x.Event.ID == ev.id
	})
}

func (m *model) edit(x *party, a act) {
	ctx := context.Background()
	var err error
	switch a.Verb {
	case "receiver":
		m.mu.Lock()
		x.mode = []string{"well", "well", "failing", "flaky", "slow", "dead", "gone", "limited", "throttled", "refusing"}[a.B%10]
		m.mu.Unlock()
	case "filter":
		_, err = m.registry.Update(ctx, x.ID, func(e *endpoint.Endpoint) (*endpoint.Endpoint, error) {
			e.Events, e.Active = filters[a.B%len(filters)], a.B%5 != 4
			return e, nil
		})
		if err == nil {
			m.mu.Lock()
			x.former = append(x.former, former{x.Events, x.Active, time.Now()})
			x.Events, x.Active = filters[a.B%len(filters)], a.B%5 != 4
			m.mu.Unlock()
		}
	case "state":
		to := []endpoint.State{endpoint.Enabled, endpoint.Paused, endpoint.Disabled}[a.B%3]
		if _, err = m.registry.SetState(ctx, x.ID, to, "a person said so"); err == nil {
			m.mu.Lock()
			x.lifted = time.Now()
			if x.blocked.IsZero() != (to == endpoint.Enabled) {
				x.blocked = time.Now()
			}
			if to == endpoint.Enabled {
				x.blocked, x.enabled = time.Time{}, time.Now()
			}
			m.mu.Unlock()
		}
	case "delete":
		if err = m.registry.Delete(ctx, x.ID, nil); err == nil {
			m.mu.Lock()
			x.former = append(x.former, former{x.Events, x.Active, time.Now()})
			x.deleted = true
			m.mu.Unlock()
		}
	}
	if err != nil {
		m.fail("%s: %v", a.Verb, err)
	}
}

// command asks for a delivery that some process has told of.
func (m *model) command(a, b int) {
	if len(m.alive) == 0 {
		return
	}
	var told []delivery.Entry
	for _, l := range m.processes {
		l.mu.Lock()
		told = append(told, l.waiting...)
		for _, at := range l.attempted {
			told = append(told, delivery.Entry{ID: at.Delivery, Endpoint: at.Endpoint, Event: at.Event, Number: at.Number + 1, Created: at.Sent})
		}
		l.mu.Unlock()
	}
	if len(told) == 0 {
		return
	}
	e := told[(a*21+b)%len(told)]
	m.mu.Lock()
	for _, x := range m.parties {
		if x.ID == e.Endpoint {
			x.lifted = time.Now()
		}
	}
	m.mu.Unlock()
	m.retried[e.ID] = true
	p := m.alive[a%len(m.alive)]
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	stop := make(chan struct{}) // closed when the command is through; the thaw below waits for it
	go func() {
		select {
		case <-stop:
		case <-time.After(5 * time.Second):
			p.client.Thaw()
		}
	}()
	_ = p.dispatcher.Command(ctx, delivery.Command{Kind: delivery.RetryNow, Entry: e})
	close(stop)
}
