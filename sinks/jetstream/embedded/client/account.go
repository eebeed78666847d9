package client

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Subjects that a client's messages are mapped to before the server looks at anything else. So
// no client reaches by a subject what is not listed in routes, and its own subscriptions do not
// meet its own messages.
const (
	toDesk    = "$HS.pub."      // every message that is none of the following
	toDeskAPI = "$HS.api."      // requests about event streams
	toNext    = "$HS.next."     // pulls from event streams
	toAck     = "$HS.ack."      // acknowledgements of what they brought
	toOwnAPI  = "$HS.own.api."  // requests about streams of clients
	toOwnNext = "$HS.own.next." // pulls from them
	toOwnAck  = "$HS.own.ack."
	toNowhere = "$HS.none."
)

// inboxes are where clients are answered.
const inboxes = "_INBOX.>"

// What the desk, which is code of ours, is asked by.
const (
	deskPublish = "pub."
	deskAPI     = "api."
)

const (
	apiPrefix  = "$JS.API."
	nextPrefix = "$JS.API.CONSUMER.MSG.NEXT."
	ackPrefix  = "$JS.ACK."
)

// How long the server remembers whom to bring an answer: one that never comes, and what a pull
// asked for after the last of it came. How many it remembers is bounded beside that.
const (
	oneAnswer   = 15 * time.Second
	manyAnswers = longestPull + 5*time.Second
)

// accounts are those that the clients of one start of a server have to do with.
type accounts struct {
	o               *Options
	events, clients *server.Account
	desk            *server.Account
}

// Accounts makes those that clients need beside the accounts of events and of their own streams,
// which get exports for them. A client's connection has an account of its own, its seat, so no
// client sees what another one subscribes to or is sent. A seat has no JetStream, which would act
// for a client with more rights than the client has, and only the imports that it gets here.
func (o *Options) Accounts(events, clients *server.Account) ([]*server.Account, error) {
	a := &accounts{o: o, events: events, clients: clients, desk: server.NewAccount(o.deskAccount())}
	if err := a.export(); err != nil {
		return nil, fmt.Errorf("configure the accounts of clients: %w", err)
	}
	list := []*server.Account{a.desk}
	for i := range connections {
		seat := server.NewAccount(o.seatAccount(i))
		if err := a.furnish(seat); err != nil {
			return nil, fmt.Errorf("configure the account of a client: %w", err)
		}
		list = append(list, seat)
	}
	return list, nil
}

func (a *accounts) export() error {
	for _, topic := range a.o.readable() {
		if err := a.events.AddStreamExport(topic, nil); err != nil {
			return err
		}
	}
	type export struct {
		from    *server.Account
		subject string
		answers server.ServiceRespType
	}
	list := []export{
		{a.desk, deskPublish + ">", server.Singleton}, {a.desk, deskAPI + ">", server.Singleton},
		{a.clients, apiPrefix + ">", server.Singleton}, {a.clients, nextPrefix + ">", server.Streamed}, {a.clients, ackPrefix + ">", server.Streamed},
	}
	for _, stream := range a.o.Streams {
		list = append(list, export{a.events, nextPrefix + stream + ".>", server.Streamed}, export{a.events, ackPrefix + stream + ".>", server.Streamed})
	}
	for _, e := range list {
		if err := e.from.AddServiceExportWithResponse(e.subject, e.answers, nil); err != nil {
			return err
		}
		patience := oneAnswer
		if e.answers == server.Streamed {
			patience = manyAnswers
		}
		if err := e.from.SetServiceExportResponseThreshold(e.subject, patience); err != nil {
			return err
		}
	}
	return nil
}

// furnish gives a seat its mappings, of which the first that fits counts, and its imports.
func (a *accounts) furnish(seat *server.Account) error {
	mappings := [][2]string{
		{inboxes, inboxes}, // answers are mapped as well
		{"$SYS.>", toNowhere + ">"},
		{apiPrefix + "INFO", toDeskAPI + "INFO"},
		{apiPrefix + "STREAM.NAMES", toDeskAPI + "STREAM.NAMES"},
		{apiPrefix + "STREAM.LIST", toDeskAPI + "STREAM.LIST"},
	}
	for _, stream := range a.o.Streams {
		mappings = append(mappings, [2]string{nextPrefix + stream + ".>", toNext + stream + ".>"}, [2]string{ackPrefix + stream + ".>", toAck + stream + ".>"})
		for _, about := range []string{
			"STREAM.*." + stream, "STREAM.*.*." + stream, "DIRECT.GET." + stream, "DIRECT.GET." + stream + ".>",
			"CONSUMER.*." + stream, "CONSUMER.*." + stream + ".>", "CONSUMER.*.*." + stream + ".>",
		} {
			mappings = append(mappings, [2]string{apiPrefix + about, toDeskAPI + numbered(about)})
		}
	}
	mappings = append(mappings, [][2]string{
		{nextPrefix + ">", toOwnNext + ">"}, {apiPrefix + ">", toOwnAPI + ">"}, {ackPrefix + ">", toOwnAck + ">"},
		{">", toDesk + ">"},
	}...)
	for _, m := range mappings {
		if err := seat.AddMapping(m[0], m[1]); err != nil {
			return fmt.Errorf("map %s to %s: %w", m[0], m[1], err)
		}
	}
	for _, topic := range a.o.readable() {
		if err := seat.AddStreamImport(a.events, topic, ""); err != nil {
			return fmt.Errorf("import %s: %w", topic, err)
		}
	}
	type route struct {
		to            *server.Account
		from, subject string
	}
	routes := []route{
		{a.desk, toDesk, deskPublish}, {a.desk, toDeskAPI, deskAPI},
		{a.clients, toOwnAPI, apiPrefix}, {a.clients, toOwnNext, nextPrefix}, {a.clients, toOwnAck, ackPrefix},
	}
	for _, stream := range a.o.Streams {
		routes = append(routes, route{a.events, toNext + stream + ".", nextPrefix + stream + "."}, route{a.events, toAck + stream + ".", ackPrefix + stream + "."})
	}
	for _, r := range routes {
		if err := seat.AddServiceImport(r.to, r.from+">", r.subject+">"); err != nil {
			return fmt.Errorf("import %s: %w", r.subject, err)
		}
	}
	return nil
}

// numbered turns the wildcards of a pattern into references to what they matched.
func numbered(pattern string) string {
	tokens, n := strings.Split(pattern, "."), 0
	for i, token := range tokens {
		if token == "*" {
			n++
			tokens[i] = fmt.Sprintf("{{wildcard(%d)}}", n)
		}
	}
	return strings.Join(tokens, ".")
}
