package embedded

import (
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// The server's accounts are separate worlds: none can name a subject or a stream of another,
// not even through a mirror, a source or a consumer's delivery subject, but for what is
// exported here. The names of those with streams are folders of the store, so they never
// change.
const (
	eventsAccount  = "EVENTS"
	privateAccount = "HOOKSPAN"
	// clientsAccount has the streams that clients make. Nothing in it is imported or exported
	// beside the JetStream API itself, so what a client does there stays there.
	clientsAccount = "CLIENTS"
)

// inboxPrefix is that of our own connections.
const inboxPrefix = "_HOOKSPAN"

// Shares of the store, in percent: what Hookspan keeps beside events has room that events cannot
// take. What clients keep comes out of the share of events, which our stream does not fill.
const (
	eventsShare  = 80
	clientsShare = 9
)

// unlimitedStore is the server's own limit: each account has its share of the store instead. The
// server counts what streams have reserved, not what they hold, and would not start with a
// limit below that.
const unlimitedStore = 1 << 60

// accounts are those of one start of the server.
type accounts struct {
	events, private, clients *server.Account
	desk                     *server.Account
	seats                    []*server.Account
}

func (a *accounts) all() []*server.Account {
	list := []*server.Account{a.events, a.private}
	for _, account := range append([]*server.Account{a.clients, a.desk}, a.seats...) {
		if account != nil {
			list = append(list, account)
		}
	}
	return list
}

// accounts makes them. In a cluster those with streams come with their limits, because streams
// are assigned to the server as soon as it runs, and only a configuration can set them before. A
// limit counts every copy, wherever it is, so it is that of all servers together. There the
// account of clients is part of every server, whether or not it listens: its streams may be
// anywhere.
func (s *Server) accounts() (*accounts, error) {
	a := &accounts{events: server.NewAccount(eventsAccount), private: server.NewAccount(privateAccount)}
	if s.o.Listen != "" {
		a.clients = server.NewAccount(clientsAccount)
	}
	if s.o.clustered() {
		if err := a.limit(s); err != nil {
			return nil, err
		}
	}
	if s.o.Listen == "" {
		return a, nil
	}
	return a, a.seatClients(s)
}

func (a *accounts) limit(s *Server) error {
	const text = `accounts {
		%s { jetstream { max_store: %d } }
		%s { jetstream { max_store: %d } }
		%s { jetstream { max_store: %d, max_mem: %d, max_streams: %d, max_consumers: %d } }
	}`
	servers := int64(s.o.ClusterSize)
	var o server.Options
	if err := o.ProcessConfigString(fmt.Sprintf(text, eventsAccount, servers*s.EventStore(), privateAccount, servers*s.PrivateStore(),
		clientsAccount, servers*s.o.clientStore(), servers*clientMemory, clientStreams, clientConsumers)); err != nil {
		return fmt.Errorf("configure the accounts: %w", err)
	}
	for _, limited := range o.Accounts {
		switch limited.GetName() {
		case eventsAccount:
			a.events = limited
		case privateAccount:
			a.private = limited
		case clientsAccount:
			a.clients = limited
		}
	}
	return nil
}

// enableJetStream recovers the streams of the accounts, each within its share of the store.
// Streams that reserved more than that, because the limit was larger once, are kept. In a
// cluster the server has done so by itself.
func (s *Server) enableJetStream(inner *server.Server) error {
	if s.o.clustered() {
		return nil
	}
	whole := func(bytes int64) server.JetStreamAccountLimits {
		return server.JetStreamAccountLimits{
			MaxMemory: -1, MaxStore: bytes, MaxStreams: -1, MaxConsumers: -1,
			MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
		}
	}
	shares := map[string]server.JetStreamAccountLimits{eventsAccount: whole(s.EventStore()), privateAccount: whole(s.PrivateStore())}
	if s.o.Listen != "" {
		few := whole(s.o.clientStore())
		few.MaxMemory, few.MaxStreams, few.MaxConsumers, few.MaxAckPending = clientMemory, clientStreams, clientConsumers, clientAckPending
		shares[clientsAccount] = few
	}
	for name, limits := range shares {
		account, err := inner.LookupAccount(name)
		if err != nil {
			return fmt.Errorf("look up account %s: %w", name, err)
		}
		if err := account.EnableJetStream(map[string]server.JetStreamAccountLimits{"": limits}, nil); err != nil {
			return fmt.Errorf("recover the streams of account %s: %w", name, err)
		}
	}
	return nil
}
