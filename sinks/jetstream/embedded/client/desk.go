package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/sinks/jetstream/link"
	"github.com/hookspan/hookspan/sinks/jetstream/subject"
)

const (
	// deskRequests is how many requests of clients are served at a time, and clientRequests how
	// many of one.
	deskRequests   = 16
	clientRequests = 4
	// What waits to be published, and to be served.
	publishWaits = 64 << 20
	apiWaits     = 8 << 20
	// What may wait in front of the desk of what one client sends.
	frontMessages = 1 << 14
	frontWaits    = 4 << 20
)

// A Desk does for clients what they may do with events: it publishes for them, and makes
// consumers for them. What a client asks for is checked and asked anew, from connections and
// with reply subjects of our own, so nothing that a client chose is a subject or a header of
// the accounts behind the desk.
type Desk struct {
	o         *Options
	events    *relay
	fronts    [connections]*nats.Conn // one for each seat: what its client sends, and is answered
	speaker   *link.Speaker           // which says what is no message
	told      *nats.Conn              // which passes events on to subscribers
	asks      *nats.Conn              // which asks JetStream; acknowledgements of events wait behind none of its answers
	publishes *turns
	requests  *turns
	allowance allowance
	making    sync.Mutex   // a consumer of a client
	crowded   atomic.Bool  // there are as many topics as clients may make
	overran   atomic.Int64 // when that was told last, in nanoseconds
}

// OpenDesk begins to take what clients of a server that runs send. Run serves them.
func OpenDesk(o *Options) (*Desk, error) {
	d := &Desk{o: o, publishes: newTurns(publishWaits, 1), requests: newTurns(apiWaits, clientRequests)}
	d.o.MostTopics = cmp.Or(d.o.MostTopics, mostTopics)
	d.o.MostUnread = cmp.Or(d.o.MostUnread, mostUnread)
	d.allowance.set(o.EventStore / 10) // until the first look
	if err := d.open(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Desk) open() (err error) {
	if d.events, err = newRelay(d.o, "hookspan desk", d.o.EventsAccount); err != nil {
		return err
	}
	d.events.answer = func(to string, header nats.Header, data []byte) {
		if header.Get("Status") == "503" { // there is no stream
			d.noResponders(to)
			return
		}
		d.answer(to, data)
	}
	d.events.lost = func(to string) {
		d.refuse(to, refusal{code: http.StatusServiceUnavailable, text: "no acknowledgement came: the event may be stored or not; publish it again, with the same Nats-Msg-Id"})
	}
	if err := d.tell(); err != nil {
		return err
	}
	if d.asks, err = d.o.Dial("hookspan desk, questions of clients", d.o.EventsAccount); err != nil {
		return err
	}
	if d.speaker, err = link.NewSpeaker(*d.o.Process, d.o.Inbox+"."+rand.Text()+"."); err != nil {
		return err
	}
	for seat := range d.fronts {
		if err := d.listen(seat); err != nil {
			return err
		}
	}
	return nil
}

// listen takes what one client sends. Each has a connection of its own to the desk: the server cuts
// one off on which more comes than is taken, with all that waits there, and waits before it writes
// to a client that reads slowly. Both is to be that client's loss alone.
func (d *Desk) listen(seat int) error {
	front, err := d.o.Dial(fmt.Sprint("hookspan desk, client ", seat), d.o.EventsAccount)
	if err != nil {
		return err
	}
	d.fronts[seat] = front
	front.SetErrorHandler(d.overrun)
	front.SetDisconnectErrHandler(func(nc *nats.Conn, err error) {
		if d.o.Running() != nil { // it has not gone, so it has cut us off
			d.overrun(nc, nil, err)
		}
	})
	prefix := d.o.fromSeat(seat)
	s, err := front.Subscribe(prefix+">", func(m *nats.Msg) {
		m.Subject = strings.TrimPrefix(m.Subject, prefix)
		d.take(seat, m)
	})
	if err != nil {
		return err
	}
	return errors.Join(s.SetPendingLimits(frontMessages, max(frontWaits, 2*int(front.MaxPayload()))), front.Flush())
}

// take takes what a client sends. What is quickly done is done at once, the rest waits for its turn.
func (d *Desk) take(seat int, m *nats.Msg) {
	switch topic := m.Subject; {
	case strings.HasPrefix(topic, nextPrefix):
		d.pull(seat, m)
	case strings.HasPrefix(topic, ackPrefix):
		d.acknowledge(seat, m)
	case strings.HasPrefix(topic, "$SYS."):
		d.noResponders(d.replyTo(seat, m.Reply))
	case strings.HasPrefix(topic, apiPrefix):
		m.Subject = strings.TrimPrefix(topic, apiPrefix)
		d.queue(d.requests, seat, m)
	default:
		d.queue(d.publishes, seat, m)
	}
}

func (d *Desk) queue(in *turns, seat int, m *nats.Msg) {
	m.Reply = d.replyTo(seat, m.Reply)
	for _, over := range in.put(seat, m) {
		d.refuse(over.Reply, refusal{code: http.StatusServiceUnavailable, text: "too much at a time: wait for answers before sending more"})
	}
}

// mostReply bounds a reply subject.
const mostReply = 256

// replyTo is where the client of a seat is answered; "" when it wants no answer, or one elsewhere
// than at an inbox.
func (d *Desk) replyTo(seat int, reply string) string {
	if !strings.HasPrefix(reply, inboxes) || len(reply) > mostReply {
		return ""
	}
	return d.o.answerTo(seat) + reply
}

// account is that of events; nil while there is none.
func (d *Desk) account() *server.Account {
	inner := d.o.Running()
	if inner == nil {
		return nil
	}
	account, err := inner.LookupAccount(d.o.EventsAccount)
	if err != nil {
		return nil
	}
	return account
}

// overrun tells, now and then, that something which a client sent was not taken.
func (d *Desk) overrun(_ *nats.Conn, _ *nats.Subscription, err error) {
	now := time.Now().UnixNano()
	if last := d.overran.Load(); now-last >= int64(toldAgain) && d.overran.CompareAndSwap(last, now) {
		d.o.Log.Warn("a NATS client sends faster than the embedded bus takes: some of it is not heard", "error", err)
	}
}

// Run serves clients, and keeps them within their bounds, until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, run := range []func(context.Context){d.watchRoom, d.limitUnread, d.events.limitWaits, d.publishAll} {
		running.Go(func() { run(ctx) })
	}
	for range deskRequests {
		running.Go(func() { d.serveAll(ctx) })
	}
	running.Wait()
}

func (d *Desk) publishAll(ctx context.Context) {
	for {
		seat, m := d.publishes.take(ctx)
		if m == nil {
			return
		}
		d.publish(ctx, m)
		d.publishes.served(seat)
	}
}

func (d *Desk) serveAll(ctx context.Context) {
	for {
		seat, m := d.requests.take(ctx)
		if m == nil {
			return
		}
		d.serve(ctx, m)
		d.requests.served(seat)
	}
}

// Close ends the desk's connections, after Run.
func (d *Desk) Close() {
	for _, nc := range d.Conns() {
		nc.Close()
	}
	if d.speaker != nil {
		_ = d.speaker.Close() // it never fails
	}
}

// Conns are those of the desk's connections that the client library has.
func (d *Desk) Conns() []*nats.Conn {
	list := []*nats.Conn{}
	if d.events != nil {
		list = append(list, d.events.nc)
	}
	for _, nc := range append(d.fronts[:], d.told, d.asks) {
		if nc != nil {
			list = append(list, nc)
		}
	}
	return list
}

// answer brings a client what it asked for. A client that has gone gets nothing.
func (d *Desk) answer(to string, data []byte) {
	if front := d.frontOf(to); front != nil {
		_ = front.PublishMsg(&nats.Msg{Subject: to, Data: data})
	}
}

// status answers with what is not a message. Client libraries look for it in the first line of the
// header, where only the speaker writes.
func (d *Desk) status(to string, code int, text string) {
	if to == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), deskTimeout)
	defer cancel()
	_ = d.speaker.Say(ctx, &link.Message{Subject: to, Status: strings.TrimSpace(strconv.Itoa(code) + " " + text)})
}

// noResponders says that nobody takes what a client sent, as the server says it.
func (d *Desk) noResponders(to string) { d.status(to, http.StatusServiceUnavailable, "") }

// frontOf is the connection for answers to somebody; nil for those to nobody.
func (d *Desk) frontOf(to string) *nats.Conn {
	seat, ok := d.o.answered(to)
	if !ok {
		return nil
	}
	return d.fronts[seat]
}

// refuse says no in the form of JetStream's API, which publishers understand too.
func (d *Desk) refuse(to string, no refusal) {
	data, err := json.Marshal(map[string]apiError{"error": {Code: no.code, ErrCode: no.errCode, Description: no.text}})
	if err == nil {
		d.answer(to, data)
	}
}

type apiError struct {
	Code        int              `json:"code"`
	ErrCode     natsjs.ErrorCode `json:"err_code,omitempty"`
	Description string           `json:"description"`
}

// publish takes a client's message for an event topic, which gets what says that it came from a
// client.
func (d *Desk) publish(ctx context.Context, m *nats.Msg) {
	event, err := d.eventOf(ctx, m)
	if err == nil {
		switch err = d.events.send(ctx, event, m.Reply); {
		case errors.Is(err, nats.ErrMaxPayload):
			err = invalid("the message has more than %d bytes with the header that is added to it: publish less at a time", d.events.nc.MaxPayload())
		case err != nil:
			err = unavailable("the embedded bus is not there")
		}
	}
	var no refusal
	if errors.As(err, &no) {
		d.refuse(m.Reply, no)
	}
}

// eventOf is what is published of a client's message, or a refusal.
func (d *Desk) eventOf(ctx context.Context, m *nats.Msg) (*nats.Msg, error) {
	switch {
	case subject.Matches(d.o.Read, m.Subject):
		return nil, forbidden("clients read %s, only Hookspan writes there", m.Subject)
	case !subject.Matches(d.o.Publish, m.Subject):
		return nil, forbidden("%s is no topic that clients publish to: those are %s", m.Subject, strings.Join(d.o.Publish, ", "))
	}
	if err := checkTopic(m.Subject); err != nil {
		return nil, err
	}
	if err := d.o.Usable(false); err != nil {
		return nil, unavailable(err.Error())
	}
	if d.crowded.Load() && !d.topicExists(ctx, m.Subject) {
		return nil, unavailable("there are events on so many topics that clients may not add one")
	}
	if !d.allowance.take(m.Size()) {
		return nil, unavailable("the event store is nearly full: clients may publish again when it has room")
	}
	header, err := cleaned(m.Header)
	if err != nil {
		return nil, err
	}
	return &nats.Msg{Subject: m.Subject, Header: header, Data: m.Data}, nil
}

// mostTopic bounds a topic: the server keeps each that has messages in memory.
const mostTopic = 512

// checkTopic is about what the server takes and nobody could ask for.
func checkTopic(topic string) error {
	if len(topic) > mostTopic {
		return invalid("a topic has at most %d bytes", mostTopic)
	}
	for token := range strings.SplitSeq(topic, ".") {
		if token == "" || token == "*" || token == ">" || !utf8.ValidString(token) || strings.ContainsFunc(token, unicode.IsControl) {
			return invalid("%q is no topic: between the dots there has to be something, and no wildcard", topic)
		}
	}
	return nil
}
