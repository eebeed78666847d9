package webhook

import (
	"slices"
	"sync"
	"time"
)

const (
	idleTimeout    = 60 * time.Second
	maxIdlePerHost = 1024
)

// idle keeps connections that wait for their next request, by the address that they were
// dialled for. Many are kept for a host, because one receiver may stand behind thousands of
// attempts a second.
type idle struct {
	places *places
	mu     sync.Mutex
	conns  map[string][]*conn // the one used last is last
	sweeps *time.Timer        // set while there are any
	closed bool
}

// take returns a connection that can be used at once, or nil.
func (p *idle) take(address string, now time.Time) *conn {
	for {
		p.mu.Lock()
		list := p.conns[address]
		if len(list) == 0 {
			p.mu.Unlock()
			return nil
		}
		c := list[len(list)-1]
		list[len(list)-1] = nil
		p.conns[address] = list[:len(list)-1]
		p.mu.Unlock()
		if c.begun = now; now.Sub(c.since) < idleTimeout && c.quiet() {
			return c
		}
		c.Close()
	}
}

func (p *idle) put(address string, c *conn) {
	c.since = time.Now()
	if c.SetDeadline(time.Time{}) != nil {
		c.Close()
		return
	}
	if !p.add(address, c) {
		c.Close()
		return
	}
	keep, w := p.places.pass(address) // whoever begins to wait after this finds it
	if !keep && p.remove(address, c) {
		c.Close()
	}
	if w != nil {
		w.ready <- nil
	}
}

func (p *idle) add(address string, c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.conns[address]) >= maxIdlePerHost {
		return false
	}
	p.conns[address] = append(p.conns[address], c)
	if p.sweeps == nil {
		p.sweeps = time.AfterFunc(idleTimeout, p.sweep)
	}
	return true
}

// remove takes a connection out; false when somebody else has.
func (p *idle) remove(address string, c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.conns[address], c)
	if i >= 0 {
		p.conns[address] = slices.Delete(p.conns[address], i, i+1)
	}
	return i >= 0
}

// has reports whether there is a connection to an address.
func (p *idle) has(address string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns[address]) > 0
}

// oldest is since when the connection has waited that has waited longest: of an address, or of all
// for ""; zero where none does.
func (p *idle) oldest(address string) (since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, c := p.longest(address)
	if c == nil {
		return time.Time{}
	}
	return c.since
}

func (p *idle) longest(of string) (address string, longest *conn) {
	if of != "" {
		if list := p.conns[of]; len(list) > 0 {
			return of, list[0]
		}
		return "", nil
	}
	for a, list := range p.conns {
		if len(list) > 0 && (longest == nil || list[0].since.Before(longest.since)) {
			address, longest = a, list[0]
		}
	}
	return address, longest
}

// closeOldest closes that one.
func (p *idle) closeOldest(of string) bool {
	p.mu.Lock()
	address, c := p.longest(of)
	if c != nil {
		p.conns[address] = slices.Delete(p.conns[address], 0, 1)
	}
	p.mu.Unlock()
	if c == nil {
		return false
	}
	c.Close()
	return true
}

// sweep closes what has waited too long, and comes again while anything is left.
func (p *idle) sweep() {
	now := time.Now()
	p.close(func(c *conn) bool { return now.Sub(c.since) >= idleTimeout })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweeps = nil
	if len(p.conns) > 0 && !p.closed {
		p.sweeps = time.AfterFunc(idleTimeout/4, p.sweep)
	}
}

// shut closes all that wait; what is returned later is closed at once.
func (p *idle) shut() {
	p.mu.Lock()
	p.closed = true
	if p.sweeps != nil {
		p.sweeps.Stop()
	}
	p.mu.Unlock()
	p.close(func(*conn) bool { return true })
}

// close takes out the connections that are chosen, and closes them outside the lock: TLS
// says goodbye.
func (p *idle) close(choose func(*conn) bool) {
	var chosen []*conn
	p.mu.Lock()
	for address, list := range p.conns {
		list = slices.DeleteFunc(list, func(c *conn) bool {
			if choose(c) {
				chosen = append(chosen, c)
				return true
			}
			return false
		})
		if p.conns[address] = list; len(list) == 0 {
			delete(p.conns, address)
		}
	}
	p.mu.Unlock()
	for _, c := range chosen {
		c.Close()
	}
}
