package dispatch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A model runs one script and keeps the books: what is owed to whom.
type model struct {
	t        *testing.T
	s        script
	w        *world
	registry *endpoint.Registry // of an operator whose connection is good
	random   *rand.Rand
	noise    atomic.Int64

	alive     []*process
	processes []*life
	parties   []*party
	events    []*published
	checks    []check
	furthest  [2]int64        // how many sequences disasters took from a partition
	retried   map[string]bool // deliveries that a command brought back
	full      bool            // the event store nearly is
	zombies   bool            // two processes were alive at once, or records of a dead one were on their way
	unsteady  bool            // a process may know old things
	tainted   bool            // places were cut back, or the journal trimmed: repeats are allowed

	mu    sync.Mutex // guards what posts touch
	wrong []string
	lands time.Time // the last journal record on its way
	posts map[*process]map[string]*traffic

	sharing
}

// A party is an endpoint and its receiver.
type party struct {
	*endpoint.Endpoint
	mode    string // of the receiver
	deleted bool
	blocked time.Time // since when it is not enabled
	enabled time.Time // when it was last enabled again
	held    asked     // the last Retry-After
	lifted  time.Time // when something was done that may have ended a hold
	former  []former
	may     map[string]bool // events that are for it
	owed    map[string]bool // of them, those that it must get
}

// former is what an endpoint took until an edit; who has not heard of the edit goes by it.
type former struct {
	events []string
	active bool
	until  time.Time
}

type published struct {
	id, typ   string
	partition bus.Partition
	at        bus.Position
	cut       bool // taken away by a cut back: who still has it may take it for another at its place
}

// A life is what was so when a process took over.
type life struct {
	*process
	alone bool            // no zombie has written, then or before
	known map[string]bool // deliveries with a final record in the journal
	born  time.Time       // or thawed
	froze bool
}

// traffic is what one process does to one endpoint.
type traffic struct {
	running int
	last    time.Time
	outage  outageBook
}

func newModel(t *testing.T, s script) *model {
	m := &model{
		t: t, s: s, w: newWorld(t), random: rand.New(rand.NewPCG(s.Seed, 1)),
		retried: map[string]bool{}, posts: map[*process]map[string]*traffic{}, sharing: newSharing(),
	}
	if s.Leases {
		m.w.leases = dispatchtest.NewLeases()
	}
	if s.Offsets {
		m.w.store = dispatchtest.NewOffsets()
	}
	m.w.small, m.w.store.Refuses = true, s.Refuses
	for _, p := range partitions[1:s.Partitions] {
		m.w.store.AddPartition(p, "first")
	}
	m.w.begin, m.w.answer, m.w.latency, m.w.asked, m.w.ended = m.begin, m.answer, m.latency, m.asks, m.ended
	m.noise.Store(int64(s.Noise))
	m.connect()
	return m
}

// connect gives the operator a new connection.
func (m *model) connect() {
	m.registry = m.w.registry(m.w.store.Connect())
	if err := m.registry.Load(context.Background()); err != nil {
		m.fail("load the registry: %v", err)
	}
}

func (m *model) fail(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

func (m *model) run() {
	m.start()
	for _, a := range m.s.Steps {
		m.w.log.Info("STEP " + a.String())
		m.purged()
		m.step(a)
		m.leased(a)
		pass(a.Wait)
		m.purged()
		if len(m.wrong) > 0 {
			break
		}
	}
	m.finish()
}

func (m *model) step(a act) {
	m.mu.Lock()
	m.unsteady = m.unsteady || m.noise.Load() > 0 || a.Verb == "freeze" || a.Verb == "zombie" && !m.s.Leases
	m.mu.Unlock()
	switch a.Verb {
	case "publish":
		m.publish(partitions[a.A%m.s.Partitions], 1+a.B)
	case "create":
		m.create(a.A, a.B)
	case "filter", "state", "delete", "receiver":
		if p := m.party(a.A); p != nil {
			m.edit(p, a)
		}
	case "command":
		m.command(a.A, a.B)
	case "kill", "stop", "freeze", "thaw":
		if len(m.alive) > 0 {
			m.end(m.alive[a.A%len(m.alive)], a.Verb)
		}
	case "start":
		if len(m.alive) == 0 || m.s.Leases && len(m.alive) < 3 {
			m.start()
		}
	case "zombie":
		if len(m.alive) == 1 || m.s.Leases && len(m.alive) < 3 {
			m.start()
		}
	case "noise":
		m.noise.Store([]int64{0, 5, 30, 60}[a.A%4])
	case "trim":
		if a.A%3 == 0 {
			m.tainted = true
			shard := a.B % m.s.Shards
			m.w.store.TrimJournal(shard, int64(len(m.w.store.Journal(shard))))
		}
	case "power", "cut", "recreate", "expire":
		m.disaster(a)
	case "full":
		m.full = a.A%2 == 0
		room := bus.Room{Limit: 100, Used: 10}
		if m.full {
			room.Used = 99
		}
		m.w.store.SetRoom(room)
	case "check":
		m.check()
	}
}

// purged: near its limit the store gives up what only endpoints need that are not enabled, as
// far as the owner knows.
func (m *model) purged() {
	if !m.full {
		return
	}
	for _, x := range m.parties {
		m.mu.Lock()
		off := !x.blocked.IsZero() || time.Since(x.enabled) < learning
		m.mu.Unlock()
		for _, ev := range m.events {
			if off && !m.kept(ev) {
				delete(x.owed, ev.id)
			}
		}
	}
}

// party is one of the endpoints that are not deleted.
func (m *model) party(n int) *party {
	var all []*party
	for _, p := range m.parties {
		if !p.deleted {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[n%len(all)]
}

// start brings up a process; one that cannot take its shards tries again, at last in peace.
func (m *model) start() {
	for try := 0; ; try++ {
		p := m.w.launch(m.s.Shards)
		l := &life{process: p, alone: !m.zombies, known: m.final(), born: time.Now()}
		if try < 3 {
			p.client.Set(m.faults(m.random.Uint64()))
		}
		err := p.prepare()
		if err != nil {
			p.client.Kill()
			if try == 4 {
				m.fail("start: %v", err)
				return
			}
			continue
		}
		if len(m.alive) > 0 && !m.s.Leases {
			m.zombies, l.alone, m.life(m.alive[0]).alone = true, false, false
		}
		m.mu.Lock()
		m.alive, m.processes = append(m.alive, p), append(m.processes, l)
		m.mu.Unlock()
		p.run()
		if m.s.Leases {
			m.share()
		}
		return
	}
}

// final lists the deliveries that the journals say have ended.
func (m *model) final() map[string]bool {
	all := map[string]bool{}
	for shard := range m.s.Shards {
		for _, data := range m.w.store.Journal(shard) {
			err := delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
				if a.Outcome != "" {
					all[a.Delivery] = true
				}
				return nil
			})
			if err != nil {
				m.fail("journal: %v", err)
			}
		}
	}
	return all
}
