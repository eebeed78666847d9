package client

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// mostRemembered is how many requests of all clients together the server may remember, to
	// bring them what they asked for: about 1 KB each. It forgets one once it is answered, once
	// nobody subscribes to the answer, or after its time (oneAnswer, manyAnswers), and what
	// comes in between is bounded by a client's speed alone.
	mostRemembered = 100_000
	// rememberedLook is how often is looked. The look itself is the length of three maps.
	rememberedLook = 100 * time.Millisecond
)

// limitRemembered disconnects clients that have the server remember too much, until ctx ends.
func (d *Desk) limitRemembered(ctx context.Context) {
	tick := time.NewTicker(rememberedLook)
	defer tick.Stop()
	for more := false; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if inner := d.o.Running(); inner != nil && (more || d.remembered(inner) > d.o.MostRemembered) {
			more = d.makeForget(inner)
		}
	}
}

// answering are the accounts that answer clients, with a connection of the desk's in each: the
// server remembers requests there.
func (d *Desk) answering() map[string]*nats.Conn {
	return map[string]*nats.Conn{d.o.EventsAccount: d.events.nc, d.o.ClientsAccount: d.clients.nc, d.o.deskAccount(): d.front}
}

// Remembered is how many requests the running server remembers.
func (d *Desk) Remembered() int { return d.remembered(d.o.Running()) }

func (d *Desk) remembered(inner *server.Server) (n int) {
	for name := range d.answering() {
		if account, err := inner.LookupAccount(name); err == nil {
			n += account.NumPendingAllResponses()
		}
	}
	return n
}

// An asker is a client that the server remembers requests of.
type asker struct {
	seat       int
	connection uint64
	requests   int
}

// An unanswered request is one of a client that the server remembers.
type unanswered struct {
	from  *nats.Conn // in the account that answers
	reply string     // where the server takes an answer there
	inbox string     // where it brings it to, in the client's seat
}

// makeForget disconnects those who have the server remember most until the others together stay
// within the bound, and ends what was asked for by who has gone. It reports whether there is more
// to end: what a client sent last may be read after it was disconnected.
func (d *Desk) makeForget(inner *server.Server) (more bool) {
	requests := d.requestsBySeat(inner)
	var askers []asker
	total := 0
	for i := range connections {
		seat := d.o.seatAccount(i)
		if len(requests[seat]) == 0 {
			continue
		}
		if id := d.seats.occupant(i); id != 0 {
			askers = append(askers, asker{i, id, len(requests[seat])})
			total += len(requests[seat])
			continue
		}
		d.end(inner, seat, requests[seat])
		more = true
	}
	slices.SortFunc(askers, func(a, b asker) int { return b.requests - a.requests })
	for _, a := range askers {
		if total <= d.o.MostRemembered {
			break
		}
		d.o.Log.Warn("a NATS client was disconnected: it has asked for more than the server can remember to answer",
			"remote", clientAddress(inner, a.connection), "requests", a.requests, "limit", d.o.MostRemembered)
		d.seats.dismiss(a.seat)
		_ = inner.DisconnectClientByID(a.connection) // it may have left by itself
		total -= a.requests
		more = true
	}
	return more
}

func (d *Desk) requestsBySeat(inner *server.Server) map[string][]unanswered {
	list := map[string][]unanswered{}
	for name, nc := range d.answering() {
		about, err := inner.Accountz(&server.AccountzOptions{Account: name})
		if err != nil {
			continue
		}
		for reply, r := range about.Account.Responses {
			list[r.Account] = append(list[r.Account], unanswered{nc, reply, string(r.Subject)})
		}
	}
	return list
}

func clientAddress(inner *server.Server, id uint64) net.Addr {
	if c := inner.GetClient(id); c != nil {
		return c.RemoteAddress()
	}
	return nil
}

// end makes the server forget those requests whose answers nobody listens to: an empty answer is
// the last one.
func (d *Desk) end(inner *server.Server, seat string, requests []unanswered) {
	account, err := inner.LookupAccount(seat)
	if err != nil {
		return
	}
	for _, r := range requests {
		if account.Interest(r.inbox) == 0 {
			_ = r.from.Publish(r.reply, nil) // else at the next look
		}
	}
}
