package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/sinks/jetstream/subject"
)

// deskRequests is how many requests of clients are served at a time.
const deskRequests = 16

// A Desk does for clients what they may do with events: it publishes for them, and makes
// consumers for them. What a client asks for is checked and asked anew, from connections and
// with reply subjects of our own, so nothing that a client chose is a subject or a header of
// the accounts behind the desk.
type Desk struct {
	o         *Options
	seats     *Seats
	front     *nats.Conn // in the account that clients reach
	events    *relay
	clients   *relay
	allowance allowance
	making    sync.Mutex    // a consumer of a client
	serving   chan struct{} // holds a token for each request that is served
}

// OpenDesk begins to serve clients of a server that runs.
func OpenDesk(o *Options, seats *Seats) (*Desk, error) {
	d := &Desk{o: o, seats: seats, serving: make(chan struct{}, deskRequests)}
	if d.o.MostRemembered == 0 {
		d.o.MostRemembered = mostRemembered
	}
	d.allowance.set(o.EventStore / 10) // until the first look
	if err := d.open(); err != nil {
		for _, nc := range d.Conns() {
			nc.Close()
		}
		return nil, err
	}
	return d, nil
}

func (d *Desk) open() (err error) {
	if d.front, err = d.o.Dial("hookspan desk", d.o.deskAccount()); err != nil {
		return err
	}
	if d.events, err = newRelay(d.o, "hookspan desk, events", d.o.EventsAccount, d.answer); err != nil {
		return err
	}
	if d.clients, err = newRelay(d.o, "hookspan desk, clients", d.o.ClientsAccount, d.answer); err != nil {
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

// Run keeps clients within their bounds until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { d.watchRoom(ctx) })
	running.Go(func() { d.limitRemembered(ctx) })
	running.Wait()
}

// Conns are the desk's connections, which are the caller's to close.
func (d *Desk) Conns() []*nats.Conn {
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
func (d *Desk) answer(reply string, header nats.Header, data []byte) {
	if reply != "" {
		_ = d.front.PublishMsg(&nats.Msg{Subject: reply, Header: header, Data: data})
	}
}

// refuse says no in the form of JetStream's API, which publishers understand too.
func (d *Desk) refuse(reply string, code int, text string) {
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
func (d *Desk) publish(m *nats.Msg) {
	topic := strings.TrimPrefix(m.Subject, deskPublish)
	to := d.clients
	switch {
	case subject.Matches(d.o.Read, topic):
		d.refuse(m.Reply, http.StatusForbidden, "clients read "+topic+", only Hookspan writes there")
		return
	case subject.Matches(d.o.Publish, topic):
		to = d.events
		if err := d.o.Usable(false); err != nil {
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
	if err := to.send(&nats.Msg{Subject: topic, Header: header, Data: m.Data}, m.Reply); err != nil {
		d.refuse(m.Reply, http.StatusServiceUnavailable, "the embedded bus is not there")
	}
}
