package dispatch_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
)

// faults go wrong as often as the model is noisy.
func (m *model) faults(seed uint64) dispatchtest.Faults {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 2))
	draw := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	write := func() (f dispatchtest.Fault) {
		if int64(draw(100)) >= m.noise.Load() {
			return f
		}
		if draw(2) == 0 {
			f.Delay = []time.Duration{time.Millisecond, 50 * time.Millisecond, time.Second, 7 * time.Second}[draw(4)]
		}
		switch draw(5) {
		case 0:
			f.Refuse = true
		case 1:
			f.LoseAck = true
		case 2:
			f.Copy = []time.Duration{time.Millisecond, time.Second, 10 * time.Second}[draw(3)]
		case 3:
			f.Err = []error{bus.ErrUnavailable, bus.ErrDiskFull, errors.New("a strange answer")}[draw(3)]
		}
		return f
	}
	return dispatchtest.Faults{
		Append: func(bus.LogName) dispatchtest.Fault { return write() },
		Journal: func() dispatchtest.Fault {
			f := write()
			f.Refuse = false
			m.mu.Lock()
			defer m.mu.Unlock()
			if lands := time.Now().Add(f.Delay + f.Copy); lands.After(m.lands) {
				m.lands = lands
			}
			return f
		},
		Call: func(string) error {
			if int64(draw(400)) < m.noise.Load() {
				return bus.ErrUnavailable
			}
			return nil
		},
	}
}

func (m *model) end(p *process, how string) {
	switch how {
	case "kill":
		m.mu.Lock()
		m.zombies = m.zombies || m.lands.After(time.Now())
		m.mu.Unlock()
		for shard := range m.s.Shards {
			m.late(shard)
		}
		p.kill()
	case "stop":
		p.client.Thaw()
		p.cancel()
		<-p.done
	case "freeze":
		m.mu.Lock()
		m.life(p).froze = true
		m.mu.Unlock()
		p.client.Freeze()
		return
	case "thaw":
		p.client.Thaw()
		m.mu.Lock()
		defer m.mu.Unlock()
		m.life(p).born = time.Now()
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alive = slices.DeleteFunc(slices.Clone(m.alive), func(x *process) bool { return x == p })
}

func (m *model) life(p *process) *life {
	return m.processes[slices.IndexFunc(m.processes, func(l *life) bool { return l.process == p })]
}

// disaster changes what the bus holds. What it takes away is owed to nobody.
func (m *model) disaster(a act) {
	p := partitions[a.A%m.s.Partitions]
	kept := m.w.store.Kept(p)
	for i, p := range partitions[:m.s.Partitions] {
		defer func(had int) { m.furthest[i] += int64(max(had-len(m.w.store.Kept(p)), 0)) }(len(m.w.store.Kept(p)))
	}
	switch a.Verb {
	case "power":
		for _, x := range slices.Clone(m.alive) {
			m.end(x, "kill")
		}
		m.w.store.PowerCut(func(n int64) int64 { return m.random.Int64N(n + 1) })
		m.connect()
	case "cut":
		if len(kept) == 0 || a.B%2 == 0 {
			return
		}
		m.tainted = true
		m.w.store.CutBack(p, kept[0].Position.Seq-1+int64(a.B*len(kept)/21))
	case "recreate":
		if a.B%3 != 0 {
			return
		}
		m.tainted = true
		m.w.store.Recreate(p, fmt.Sprint("again-", len(m.events), "-", time.Now().UnixNano()))
	case "expire":
		if len(kept) == 0 {
			return
		}
		m.w.store.Expire(p, kept[0].Position.Seq+int64(a.B*len(kept)/21))
	}
	for _, ev := range m.events {
		if !m.kept(ev) {
			ev.cut = ev.cut || a.Verb == "cut"
			for _, x := range m.parties {
				delete(x.owed, ev.id)
				x.may[ev.id] = x.may[ev.id] || ev.cut
			}
		}
	}
}
