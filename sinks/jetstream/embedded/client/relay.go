package client

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// What clients may have on its way to the streams at a time. The server lets so much wait there,
// of whomever, and refuses the rest: intake finds room behind this.
const (
	mostUnderway      = 1024
	mostBytesUnderway = 8 << 20
	// patience is how long an acknowledgement may take.
	patience = 10 * time.Second
)

// A relay publishes for clients, and brings them the answers.
type relay struct {
	nc     *nats.Conn
	inbox  string // with the last dot
	answer func(reply string, header nats.Header, data []byte)
	lost   func(reply string) // for what has no answer

	mu       sync.Mutex
	sent     uint64
	underway map[uint64]underway
	bytes    int
	room     chan struct{} // receive and forget send, without waiting, and send receives; never closed
}

// What is underway waits for its answer.
type underway struct {
	reply string // "": nobody asked for one
	size  int
	since time.Time
}

func newRelay(o *Options, name, account string) (*relay, error) {
	nc, err := o.Dial(name, account)
	if err != nil {
		return nil, err
	}
	r := &relay{nc: nc, inbox: o.Inbox + "." + rand.Text() + ".", underway: map[uint64]underway{}, room: make(chan struct{}, 1)}
	nc.SetReconnectHandler(func(*nats.Conn) { r.forget(time.Now()) }) // another server, which knows of none
	if _, err := nc.Subscribe(r.inbox+"*", r.receive); err != nil {
		nc.Close()
		return nil, err
	}
	return r, nc.Flush()
}

// send publishes a message as soon as there is room for it.
func (r *relay) send(ctx context.Context, m *nats.Msg, reply string) error {
	n, ok := r.begin(m, reply)
	for !ok {
		select {
		case <-r.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		n, ok = r.begin(m, reply)
	}
	err := r.nc.PublishMsg(m)
	if err != nil {
		r.end(n)
	}
	return err
}

func (r *relay) begin(m *nats.Msg, reply string) (n uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.underway) >= mostUnderway || r.bytes > 0 && r.bytes+cost(m) > mostBytesUnderway {
		return 0, false
	}
	r.sent++
	r.underway[r.sent] = underway{reply: reply, size: cost(m), since: time.Now()}
	r.bytes += cost(m)
	m.Reply = r.inbox + strconv.FormatUint(r.sent, 10)
	return r.sent, true
}

// end is how something ends to be underway; "" when it was not, or nobody asked for an answer.
func (r *relay) end(n uint64) (reply string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, ok := r.underway[n]
	if !ok {
		return ""
	}
	delete(r.underway, n)
	r.bytes -= w.size
	r.wake()
	return w.reply
}

func (r *relay) receive(m *nats.Msg) {
	n, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, r.inbox), 10, 64)
	if err != nil {
		return
	}
	r.answer(r.end(n), m.Header, m.Data)
}

// forget ends what was sent before then.
func (r *relay) forget(then time.Time) {
	r.mu.Lock()
	var replies []string
	for n, w := range r.underway {
		if w.since.Before(then) {
			replies = append(replies, w.reply)
			delete(r.underway, n)
			r.bytes -= w.size
		}
	}
	r.wake()
	r.mu.Unlock()
	for _, reply := range replies {
		r.lost(reply)
	}
}

// limitWaits forgets what is too long underway, until ctx ends.
func (r *relay) limitWaits(ctx context.Context) {
	tick := time.NewTicker(patience / 10)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			r.forget(now.Add(-patience))
		case <-ctx.Done():
			return
		}
	}
}

func (r *relay) wake() {
	select {
	case r.room <- struct{}{}:
	default:
	}
}
