package embedded

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// deskRequests is how many requests of clients are served at a time.
const deskRequests = 16

// A desk does for clients what they may do with events: it publishes for them, and makes
// consumers for them. What a client asks for is checked and asked anew, from connections and
// with reply subjects of our own, so nothing that a client chose is a subject or a header of
// the accounts behind the desk.
type desk struct {
	s         *Server
	front     *nats.Conn // in the account that clients reach
	events    *relay
	clients   *relay
	allowance allowance
	making    sync.Mutex    // a consumer of a client
	serving   chan struct{} // holds a token for each request that is served
}

func (s *Server) openDesk(dial func(name, account string) (*nats.Conn, error)) error {
	d := &desk{s: s, serving: make(chan struct{}, deskRequests)}
	d.allowance.set(s.EventStore() / 10) // until the first look
	s.desk = d
	var err error
	if d.front, err = dial("hookspan desk", s.o.deskAccount()); err != nil {
		return err
	}
	if d.events, err = newRelay(dial, "hookspan desk, events", eventsAccount, d.answer); err != nil {
		return err
	}
	if d.clients, err = newRelay(dial, "hookspan desk, clients", clientsAccount, d.answer); err != nil {
		return err
	}
	_, publishErr := d.front.Subscribe(deskPublish+">", d.publish)
	_, apiErr := d.front.Subscribe(deskAPI+">", func(m *nats.Msg) {
		d.serving <- struct{}{}
		go func() {
			defer func() { <-d.serving }()
			d.serve(m)
		}()
	})
	return errors.Join(publishErr, apiErr, d.front.Flush())
}

func (d *desk) conns() []*nats.Conn {
	list := []*nats.Conn{}
	if d.front != nil {
		list = append(list, d.front)
	}
	for _, r := range []*relay{d.events, d.clients} {
		if r != nil {
			list = append(list, r.nc)
		}
	}
	return list
}

// answer brings a client what it asked for. A client that has gone gets nothing.
func (d *desk) answer(reply string, header nats.Header, data []byte) {
	if reply != "" {
		_ = d.front.PublishMsg(&nats.Msg{Subject: reply, Header: header, Data: data})
	}
}

// refuse says no in the form of JetStream's API, which publishers understand too.
func (d *desk) refuse(reply string, code int, text string) {
	refusal := struct {
		Error apiError `json:"error"`
	}{apiError{Code: code, Description: text}}
	data, err := json.Marshal(refusal)
	if err == nil {
		d.answer(reply, nil, data)
	}
}

type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code,omitempty"`
	Description string `json:"description"`
}

// publish takes a client's message. One for an event topic gets what says that it came from a
// client; any other is for a stream that clients made.
func (d *desk) publish(m *nats.Msg) {
	subject := strings.TrimPrefix(m.Subject, deskPublish)
	to := d.clients
	switch {
	case matches(d.s.o.Read, subject):
		d.refuse(m.Reply, http.StatusForbidden, "clients read "+subject+", only Hookspan writes there")
		return
	case matches(d.s.o.Publish, subject):
		to = d.events
		if err := d.s.Usable(false); err != nil {
			d.refuse(m.Reply, http.StatusServiceUnavailable, err.Error())
			return
		}
		if !d.allowance.take(m.Size()) {
			d.refuse(m.Reply, http.StatusServiceUnavailable, "the event store is nearly full: clients may publish again when it has room")
			return
		}
	}
	header, bad := cleaned(m.Header, to == d.events)
	if bad != "" {
		d.refuse(m.Reply, http.StatusBadRequest, "the header "+bad+" is not taken on event topics: remove it")
		return
	}
	if err := to.send(&nats.Msg{Subject: subject, Header: header, Data: m.Data}, m.Reply); err != nil {
		d.refuse(m.Reply, http.StatusServiceUnavailable, "the embedded bus is not there")
	}
}

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

func newRelay(dial func(name, account string) (*nats.Conn, error), name, account string, answer func(string, nats.Header, []byte)) (*relay, error) {
	nc, err := dial(name, account)
	if err != nil {
		return nil, err
	}
	r := &relay{nc: nc, inbox: inboxPrefix + "." + rand.Text() + ".", answer: answer}
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
