package client

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// clientsFill is how much of the event stream clients may fill, in percent of its limit. Intake
// goes further, and dead letters and operations events to the end.
const clientsFill = 90

// An allowance is what clients may still publish until the next look.
type allowance struct {
	mu    sync.Mutex
	left  int64
	taken int64 // since the last look began
}

// take counts a message; false when it is too much.
func (a *allowance) take(size int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left < int64(size) {
		return false
	}
	a.left -= int64(size)
	a.taken += int64(size)
	return true
}

// begin returns what was taken since the last look began: some of it may still be on its way to
// the stream when that is asked how full it is.
func (a *allowance) begin() (underway int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	underway, a.taken = a.taken, 0
	return underway
}

// set ends a look with the room that there is but for what is underway.
func (a *allowance) set(room int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left = room - a.taken
}

// allow looks at how full the event stream is. False when that cannot be told now.
func (d *Desk) allow(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, roomLook)
	defer cancel()
	underway := d.allowance.begin()
	var info jetstream.StreamInfo
	answer, err := d.ask(ctx, "STREAM.INFO."+d.o.Stream, struct{}{})
	if err != nil || json.Unmarshal(answer, &info) != nil || info.Config.Name == "" {
		return false
	}
	limit := info.Config.MaxBytes
	if limit <= 0 {
		limit = d.o.EventStore
	}
	d.crowded.Store(info.State.NumSubjects >= uint64(d.o.MostTopics))
	d.allowance.set(limit/100*clientsFill - int64(info.State.Bytes) - underway)
	return true
}

const (
	// roomLook is how often is looked, and for how long.
	roomLook = 500 * time.Millisecond
	// firstLook is how often is looked until the stream is there.
	firstLook = 20 * time.Millisecond
)

// watchRoom keeps the allowance right until ctx ends.
func (d *Desk) watchRoom(ctx context.Context) {
	tick := time.NewTicker(firstLook)
	defer tick.Stop()
	for known := false; ; {
		if d.allow(ctx) && !known {
			known = true
			tick.Reset(roomLook)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// topicExists reports whether there is an event on a topic.
func (d *Desk) topicExists(ctx context.Context, topic string) bool {
	ctx, cancel := context.WithTimeout(ctx, roomLook)
	defer cancel()
	answer, err := d.ask(ctx, "STREAM.MSG.GET."+d.o.Stream, map[string]string{"last_by_subj": topic})
	var found struct {
		Error *apiError `json:"error"`
	}
	return err == nil && json.Unmarshal(answer, &found) == nil && found.Error == nil
}
