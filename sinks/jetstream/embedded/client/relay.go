package client

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// maxRelayed is how many messages may wait for their answers at a time. Of more, those that
// have waited longest get none.
const maxRelayed = 1 << 14

// A relay sends messages of clients on, and their answers back.
type relay struct {
	nc     *nats.Conn
	inbox  string // with the last dot
	answer func(reply string, header nats.Header, data []byte)

	mu      sync.Mutex
	sent    uint64
	waiting [maxRelayed]struct {
		n     uint64
		reply string
	}
}

func newRelay(o *Options, name, account string, answer func(string, nats.Header, []byte)) (*relay, error) {
	nc, err := o.Dial(name, account)
	if err != nil {
		return nil, err
	}
	r := &relay{nc: nc, inbox: o.Inbox + "." + rand.Text() + ".", answer: answer}
	if _, err := nc.Subscribe(r.inbox+"*", r.receive); err != nil {
		nc.Close()
		return nil, err
	}
	return r, nc.Flush()
}

func (r *relay) send(m *nats.Msg, reply string) error {
	if reply != "" {
		r.mu.Lock()
		r.sent++
		w := &r.waiting[r.sent%maxRelayed]
		w.n, w.reply = r.sent, reply
		m.Reply = r.inbox + strconv.FormatUint(r.sent, 10)
		r.mu.Unlock()
	}
	return r.nc.PublishMsg(m)
}

func (r *relay) receive(m *nats.Msg) {
	n, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, r.inbox), 10, 64)
	if err != nil {
		return
	}
	r.mu.Lock()
	w := &r.waiting[n%maxRelayed]
	reply := w.reply
	if w.n != n {
		reply = ""
	}
	w.reply = ""
	r.mu.Unlock()
	r.answer(reply, m.Header, m.Data)
}
