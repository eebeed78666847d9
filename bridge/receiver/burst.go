package receiver

import (
	"strconv"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/provider"
)

const (
	burstSize  = 20 // refusals of one source …
	burstTime  = 10 * time.Second
	burstEvery = 5 * time.Minute // after a burst was told nothing is for so long
)

// A burst sees that many requests of one source are not genuine within a short time: a secret was
// rotated at one side alone, or somebody tries.
type burst struct {
	mu      sync.Mutex
	times   [burstSize]time.Time // of the newest refusals, in a ring
	reasons [burstSize]provider.Reason
	next    int   // place in the ring, the oldest one's
	count   int64 // since a burst was told
	told    time.Time
}

// add counts a refusal. Mostly there is nothing to tell operators, which is nil.
func (b *burst) add(source string, reason provider.Reason, now time.Time) *event.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.times[b.next], b.reasons[b.next] = now, reason
	b.next = (b.next + 1) % burstSize
	b.count++
	first := b.times[b.next]
	if first.IsZero() || now.Sub(first) > burstTime || !b.told.IsZero() && now.Sub(b.told) < burstEvery {
		return nil
	}
	data := ops.Refusals{Source: source, Count: burstSize, Since: first.UTC(), Reasons: map[string]int{}, Refused: b.count}
	for _, r := range b.reasons {
		data.Reasons[string(r)]++
	}
	b.told, b.count = now, 0
	// Processes that see the same burst tell it under one id. The subject is no endpoint's name.
	slot := strconv.FormatInt(now.Truncate(burstEvery).Unix(), 36)
	return ops.New(ops.SourceRefusals, source+"/"+slot, "sources/"+source, data)
}
