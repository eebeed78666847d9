package embedded

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/sinks/jetstream"
)

// What all clients together may take.
const (
	clientConnections   = 100
	clientSubscriptions = 1000 // of one connection
	clientStreams       = 50
	clientConsumers     = 50 // of one stream, and on the event streams together
	clientMemory        = 64 << 20
	clientAckPending    = 10_000 // of one consumer

	// mostConnections leaves room for our own, and for those that have not yet said who they
	// are, for which they have two seconds.
	mostConnections = 2 * clientConnections
	// clientTLSTimeout is that of the handshake, in seconds.
	clientTLSTimeout = 5
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

// A client's connection has an account of its own, its seat, so no client sees what another
// one subscribes to or is sent. A seat has no JetStream, which would act for a client with
// more rights than the client has, and only these imports.
func (a *accounts) seatClients(s *Server) error {
	a.desk = server.NewAccount(s.o.deskAccount())
	if err := a.export(s); err != nil {
		return fmt.Errorf("configure the accounts of clients: %w", err)
	}
	for i := range clientConnections {
		seat := server.NewAccount(s.o.seatAccount(i))
		if err := a.furnish(s, seat); err != nil {
			return fmt.Errorf("configure the account of a client: %w", err)
		}
		a.seats = append(a.seats, seat)
	}
	return nil
}

func (o *Options) deskAccount() string      { return "DESK_" + o.serverName() }
func (o *Options) seatAccount(n int) string { return fmt.Sprintf("SEAT_%s_%d", o.serverName(), n) }
func (o *Options) clientStore() int64       { return o.MaxStore / 100 * clientsShare }

// readable are the topics that clients subscribe to. One that two patterns hold would come twice.
func (o *Options) readable() []string {
	return jetstream.Disjoint(append(slices.Clone(o.Publish), o.Read...))
}

// eventStreams are those that clients read through consumers which the desk makes: ours, and
// whatever else lies in the account of events, where clients of the version before made streams.
func (o *Options) eventStreams() []string {
	streams := slices.Clone(o.Protect)
	folders, err := filepath.Glob(filepath.Join(o.Dir, "jetstream", eventsAccount, "streams", "*"))
	if err == nil {
		for _, folder := range folders {
			streams = append(streams, filepath.Base(folder))
		}
	}
	return distinct(streams)
}

func (a *accounts) export(s *Server) error {
	for _, topic := range s.o.readable() {
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
	for _, stream := range s.streams {
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
func (a *accounts) furnish(s *Server, seat *server.Account) error {
	mappings := [][2]string{
		{inboxes, inboxes}, // answers are mapped as well
		{"$SYS.>", toNowhere + ">"},
		{apiPrefix + "STREAM.NAMES", toDeskAPI + "STREAM.NAMES"},
		{apiPrefix + "STREAM.LIST", toDeskAPI + "STREAM.LIST"},
	}
	for _, stream := range s.streams {
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
	for _, topic := range s.o.readable() {
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
	for _, stream := range s.streams {
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
