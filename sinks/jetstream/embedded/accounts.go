package embedded

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded/client"
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

// eventStore and privateStore are the shares of MaxStore that events and what is kept beside them
// have; clientStore is what clients take of it.
func (o *Options) eventStore() int64   { return o.MaxStore / 100 * eventsShare }
func (o *Options) privateStore() int64 { return o.MaxStore / 100 * (100 - eventsShare) }
func (o *Options) clientStore() int64  { return o.MaxStore / 100 * clientsShare }

// accounts makes those of one start of the server; clients is nil without Listen. In a cluster
// those with streams come with their limits, because streams are assigned to the server as soon as
// it runs, and only a configuration can set them before. There the account of clients is part of
// every server, whether or not it listens: its streams may be anywhere.
func (o *Options) accounts(clients *client.Options) ([]*server.Account, error) {
	own := map[string]*server.Account{eventsAccount: server.NewAccount(eventsAccount), privateAccount: server.NewAccount(privateAccount)}
	if o.Listen != "" {
		own[clientsAccount] = server.NewAccount(clientsAccount)
	}
	if o.Clustered() {
		limited, err := o.limitedAccounts()
		if err != nil {
			return nil, err
		}
		own = limited
	}
	var list []*server.Account
	for _, name := range []string{eventsAccount, privateAccount, clientsAccount} {
		if account := own[name]; account != nil {
			list = append(list, account)
		}
	}
	if clients == nil {
		return list, nil
	}
	seats, err := clients.Accounts(own[eventsAccount], own[clientsAccount])
	return append(list, seats...), err
}

// limitedAccounts are those of a cluster. A limit counts every copy, wherever it is, so it is that
// of all servers together.
func (o *Options) limitedAccounts() (map[string]*server.Account, error) {
	const text = `accounts {
		%s { jetstream { max_store: %d } }
		%s { jetstream { max_store: %d } }
		%s { jetstream { max_store: %d, max_mem: %d, max_streams: %d, max_consumers: %d } }
	}`
	servers := int64(o.ClusterSize)
	few := client.Limits(o.clientStore())
	var parsed server.Options
	if err := parsed.ProcessConfigString(fmt.Sprintf(text, eventsAccount, servers*o.eventStore(), privateAccount, servers*o.privateStore(),
		clientsAccount, servers*few.MaxStore, servers*few.MaxMemory, few.MaxStreams, few.MaxConsumers)); err != nil {
		return nil, fmt.Errorf("configure the accounts: %w", err)
	}
	limited := map[string]*server.Account{}
	for _, account := range parsed.Accounts {
		switch name := account.GetName(); name {
		case eventsAccount, privateAccount, clientsAccount:
			limited[name] = account
		}
	}
	return limited, nil
}

// enableJetStream recovers the streams of the accounts, each within its share of the store.
// Streams that reserved more than that, because the limit was larger once, are kept. In a
// cluster the server has done so by itself.
func (o *Options) enableJetStream(inner *server.Server) error {
	if o.Clustered() {
		return nil
	}
	whole := func(bytes int64) server.JetStreamAccountLimits {
		return server.JetStreamAccountLimits{
			MaxMemory: -1, MaxStore: bytes, MaxStreams: -1, MaxConsumers: -1,
			MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
		}
	}
	shares := map[string]server.JetStreamAccountLimits{eventsAccount: whole(o.eventStore()), privateAccount: whole(o.privateStore())}
	if o.Listen != "" {
		shares[clientsAccount] = client.Limits(o.clientStore())
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
	slices.Sort(streams)
	return slices.Compact(streams)
}
