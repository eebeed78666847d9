package bustest

import (
	"context"
	"slices"
	"sync"

	"github.com/hookspan/hookspan/bridge/bus"
)

// Memory is chained logs in memory, on a bus that never refuses a record: whatever is
// appended lands, as on Kafka. Only what reads them decides which records exist.
type Memory struct {
	mu   sync.Mutex
	next int64
	logs map[bus.LogName][]bus.Record
}

// NewMemory returns empty logs.
func NewMemory() *Memory { return &Memory{logs: map[bus.LogName][]bus.Record{}} }

// Append implements bus.Logs.
func (m *Memory) Append(_ context.Context, log bus.LogName, r bus.Record) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Pos = m.next
	r.Data = slices.Clone(r.Data)
	m.next += 2 // positions need not be dense
	m.logs[log] = append(m.logs[log], r)
	return r.Pos, nil
}

// Read implements bus.Logs.
func (m *Memory) Read(_ context.Context, log bus.LogName, from int64, each func(bus.Record) error) error {
	m.mu.Lock()
	records := slices.Clone(m.logs[log])
	m.mu.Unlock()
	for _, r := range records {
		if r.Pos < from {
			continue
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// Trim implements bus.Logs.
func (m *Memory) Trim(_ context.Context, log bus.LogName, below int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logs[log] = slices.DeleteFunc(m.logs[log], func(r bus.Record) bool { return r.Pos < below })
	return nil
}
