package dispatch_test

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
)

// sharing is what the model knows of leases.
type sharing struct {
	moving  sync.WaitGroup    // planned moves that are on their way
	tenures []tenure          // guarded by the model's mutex, as the rest
	spoiled map[int]time.Time // shards in which a process that had lost its lease may have written, since when
	joint   map[string]*joint // by endpoint
}

func newSharing() sharing {
	return sharing{spoiled: map[int]time.Time{}, joint: map[string]*joint{}}
}

// A tenure is what was so when a process was given a shard.
type tenure struct {
	*process
	shard int
	from  time.Time
	known map[string]bool // deliveries with a final record in the journal
}

// joint is what all processes do to one endpoint.
type joint struct {
	running map[*running]struct{}
	last    time.Time // an attempt began
}

type running struct {
	*process
	lease *dispatchtest.Lease
}

// leased does what the leases have part in.
func (m *model) leased(a act) {
	if !m.s.Leases {
		return
	}
	shard := a.A % m.s.Shards
	switch a.Verb {
	case "move":
		m.move(shard, a.B)
	case "outlive":
		l := m.w.leases.Lease(shard)
		if l == nil {
			return
		}
		m.spoil(shard)
		m.w.leases.Expire(shard)
		if a.B%3 == 0 {
			l.Seat().Tell()
		}
		if a.B%2 == 0 {
			m.take(shard, a.B)
		}
	case "lapse":
		m.w.leases.Lapse(shard)
		time.AfterFunc(time.Duration(a.B)*200*time.Millisecond, func() { m.w.leases.Renew(shard) })
	case "tell":
		for _, p := range m.alive {
			p.seat.Tell()
		}
	case "share":
		m.share()
	}
}

// move asks the holder of a shard for it, and gives it to another process.
func (m *model) move(shard, to int) {
	m.moving.Go(func() {
		l := m.w.leases.Lease(shard)
		inTime := l != nil && l.Give()
		m.mu.Lock()
		alive, steady := slices.Clone(m.alive), !m.unsteady
		m.mu.Unlock()
		if inTime && steady {
			m.handedOver(shard, l.Seat())
		}
		if len(alive) > 0 {
			m.lease(shard, alive[to%len(alive)])
		}
	})
}

// share leases what nobody holds, or a process that was killed.
func (m *model) share() {
	for shard := range m.s.Shards {
		if l := m.w.leases.Lease(shard); l != nil && l.PresumedDead() {
			m.w.leases.Expire(shard)
		}
		m.take(shard, m.random.IntN(3))
	}
}

func (m *model) take(shard, to int) {
	if len(m.alive) > 0 && m.w.leases.Lease(shard) == nil {
		m.lease(shard, m.alive[to%len(m.alive)])
	}
}

func (m *model) lease(shard int, p *process) {
	m.late(shard)
	t := tenure{p, shard, time.Now(), m.final()}
	if m.w.leases.Take(shard, p.seat) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.tenures = append(m.tenures, t)
	}
}

// spoil: somebody may write whom a shard's next owner does not know of.
func (m *model) spoil(shard int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.spoiled[shard].IsZero() {
		m.spoiled[shard] = time.Now()
	}
}

// late: some record of an owner before may be on its way.
func (m *model) late(shard int) {
	m.mu.Lock()
	late := m.lands.After(time.Now())
	m.mu.Unlock()
	if late {
		m.spoil(shard)
	}
}

// handedOver: everything that the process which gave a shard has finished must be in the journal.
func (m *model) handedOver(shard int, by *dispatchtest.Seat) {
	known, posts := m.final(), m.w.all()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tainted || !m.spoiled[shard].IsZero() {
		return
	}
	for _, p := range posts {
		if p.owner.seat == by && p.status/100 == 2 && !known[p.delivery] && m.shardOf(p.endpoint) == shard {
			m.wrong = append(m.wrong, fmt.Sprintf("%s for %s was delivered at %v and is not in the journal that was handed over", p.event, p.endpoint, p.at))
		}
	}
}

// shardOf must be called with the lock.
func (m *model) shardOf(name string) int {
	return delivery.ShardOf(m.byName(name).ID, m.s.Shards)
}

// across watches what all processes do to one endpoint: together no more than one may. What
// was begun under a lease that ran out is presumed dead. The caller holds the lock, also when
// it calls end.
func (m *model) across(p *process, x *party) (end func()) {
	now, newest := time.Now(), p.seat.Lease(m.shardOf(x.Name))
	if newest == nil || p.client.Dead() {
		return func() {}
	}
	wrong := func(format string, args ...any) {
		m.wrong = append(m.wrong, fmt.Sprintf("%v: an attempt to %s ", now, x.Name)+fmt.Sprintf(format, args...))
	}
	j := m.joint[x.Name]
	if j == nil {
		j = &joint{running: map[*running]struct{}{}}
		m.joint[x.Name] = j
	}
	lease := j.lease(p, newest, now)
	lapsed := lease.Lapsed()
	if !lapsed.IsZero() && lapsed.Before(now) {
		wrong("under a lease that has not held since %v", lapsed)
	}
	mine := &running{p, lease}
	together := 1
	for r := range j.running {
		switch {
		case r.lease == lease:
			together++
		case r.process == p:
			wrong("while one runs that the same process began before it lost the shard")
		case !r.lease.PresumedDead() && lapsed.IsZero():
			wrong("while one of the owner before runs")
		}
	}
	if together > x.Concurrency {
		wrong("beside %d others", together-1)
	}
	if x.Rate.PerSecond > 0 && now.Sub(j.last) < time.Duration(float64(time.Second)/x.Rate.PerSecond) {
		wrong("%v after the one before", now.Sub(j.last))
	}
	j.last = now
	j.running[mine] = struct{}{}
	return func() { delete(j.running, mine) }
}

// lease is the one under which a process begins an attempt now. A process looks at its lease
// and sends a moment later: when the lease ends and the next one is given in that moment, what
// begins beside attempts of the lease that ended belongs to that one.
func (j *joint) lease(p *process, newest *dispatchtest.Lease, now time.Time) *dispatchtest.Lease {
	for r := range j.running {
		if r.process == p && r.lease != newest && newest.Since().Equal(now) && r.lease.Lapsed().Equal(now) {
			return r.lease
		}
	}
	return newest
}

// repeated says what a process sent although its end was in the journal before it was given
// the shard. It must be called with the lock.
func (m *model) repeated() string {
	for _, t := range m.tenures {
		for _, p := range m.w.posts {
			spoiled := m.spoiled[t.shard]
			switch {
			case p.owner != t.process, !p.at.After(t.from), !t.known[p.delivery], m.retried[p.delivery]:
			case m.shardOf(p.endpoint) != t.shard, !spoiled.IsZero() && !p.at.Before(spoiled):
			default:
				return fmt.Sprintf("%s was sent to %s again at %v, its end was in the journal before the shard was given", p.event, p.endpoint, p.at)
			}
		}
	}
	return ""
}
