package client

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// Subjects by which seats and the account of events are joined. They are in the latter, but for
// the first: a client's messages are mapped to it before the server looks at anything else, so
// no client reaches anything by a subject, and its own subscriptions do not meet its own messages.
const (
	toDesk    = "$HS.ask."  // in a seat: all that its client sends
	fromSeats = "$HS.from." // the same in the account of events, behind the names of server and seat
	toSeat    = "$HS.to."   // answers, likewise
	telling   = "$HS.tell." // events, for whoever subscribes to them
)

// inboxes are where clients are answered.
const inboxes = "_INBOX."

const (
	apiPrefix  = "$JS.API."
	nextPrefix = "$JS.API.CONSUMER.MSG.NEXT."
	ackPrefix  = "$JS.ACK."
)

// Accounts makes those of clients. A client's connection has an account of its own, its seat, so no
// client sees what another one subscribes to or is sent. A seat has no JetStream, which would act
// for a client with more rights than the client has, and exchanges with the account of events no
// more than messages: what its client sends, what it is answered, and events. No services: the
// server would take a client's request to JetStream as it is, and remember whom to answer.
func (o *Options) Accounts(events *server.Account) ([]*server.Account, error) {
	for _, topic := range o.readable() {
		if err := events.AddStreamExport(telling+topic, nil); err != nil {
			return nil, fmt.Errorf("export %s to clients: %w", topic, err)
		}
	}
	list := make([]*server.Account, connections)
	for i := range list {
		list[i] = server.NewAccount(o.seatAccount(i))
		if err := o.furnish(list[i], i, events); err != nil {
			return nil, fmt.Errorf("configure the account of a client: %w", err)
		}
	}
	return list, nil
}

// furnish joins the nth seat to the account of events.
func (o *Options) furnish(seat *server.Account, n int, events *server.Account) error {
	answers := o.answerTo(n) + inboxes + ">"
	steps := []func() error{
		func() error { return seat.AddMapping(">", toDesk+">") },
		func() error { return seat.AddStreamExport(toDesk+">", []*server.Account{events}) },
		func() error {
			return events.AddMappedStreamImport(seat, toDesk+">", o.fromSeat(n)+">")
		},
		func() error { return events.AddStreamExport(answers, []*server.Account{seat}) },
		func() error { return seat.AddMappedStreamImport(events, answers, inboxes+">") },
	}
	for _, topic := range o.readable() {
		steps = append(steps, func() error { return seat.AddMappedStreamImport(events, telling+topic, topic) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// fromSeat begins the subjects on which what a seat's client sends comes to the desk, answerTo those
// by which it is answered.
func (o *Options) fromSeat(n int) string { return fromSeats + o.Server + "." + strconv.Itoa(n) + "." }
func (o *Options) answerTo(n int) string { return toSeat + o.Server + "." + strconv.Itoa(n) + "." }

// answered is whose client an answer is for; false when it is for none.
func (o *Options) answered(to string) (n int, ok bool) {
	rest, ok := strings.CutPrefix(to, toSeat+o.Server+".")
	if !ok {
		return 0, false
	}
	seat, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(seat)
	return n, err == nil && n >= 0 && n < connections
}
