package lease

import (
	"context"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/nats-io/nats.go/jetstream"
)

// A change is what the watch saw, in order.
type change struct {
	begin    bool // the bucket is read from the front again
	entry    entry
	complete bool // such a reading has come to the end
	at       time.Time
}

// watch hands over what is written to the bucket, whatever becomes of the connection and of
// the servers.
func (s *session) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.follow(ctx); s.bucket.hopeless(err) != nil {
			s.denied <- err
			return
		}
		select {
		case <-time.After(s.times.pause):
		case <-ctx.Done():
		}
	}
}

// follow reads the bucket from the front, then what is written, until something breaks. Our
// own renewals come by all the time: when nothing does, the watch is broken.
func (s *session) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.watch(ctx, s.times.answer)
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }() // the server forgets a watch that nobody listens to
	c := change{begin: true}
	silence := time.NewTimer(s.times.deaf)
	defer silence.Stop()
	for {
		select {
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return nil
			case e == nil:
				c.complete = true
			default:
				c.entry = entry{key: e.Key(), value: e.Value(), rev: e.Revision()}
			}
		case <-silence.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
		c.at = time.Now()
		select {
		case s.changes <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
		c = change{}
		silence.Reset(s.times.deaf)
	}
}

// watch begins to watch the bucket until ctx ends, if that can be had within the time given.
func (b *bucket) watch(ctx context.Context, within time.Duration) (jetstream.KeyWatcher, error) {
	ctx, cancel := context.WithCancel(ctx)
	making, done := context.WithTimeout(ctx, within)
	defer done()
	making, forget := b.l.Permitted(making, b.l.Prefix+".CONSUMER.CREATE."+b.stream)
	defer forget()
	inTime := context.AfterFunc(making, cancel)
	kv, err := b.l.JS.KeyValue(ctx, b.name)
	var w jetstream.KeyWatcher
	if err == nil {
		w, err = kv.WatchAll(ctx)
	}
	if err == nil && !inTime() {
		err = context.Cause(making)
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watch bucket %s: %w", b.name, link.Unavailable(link.Why(making, err)))
	}
	return w, nil
}
