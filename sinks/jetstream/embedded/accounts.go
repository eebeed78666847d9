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
	// formerAccount had the streams that clients of versions before made. Nobody reaches it.
	formerAccount = "CLIENTS"
)

// inboxPrefix is that of our own connections.
const inboxPrefix = "_HOOKSPAN"

// eventsShare is that of the store, in percent: what Hookspan keeps beside events has room that
// events cannot take.
const eventsShare = 80

// unlimitedStore is the server's own limit: each account has its share of the store instead. The
// server counts what streams have reserved, not what they hold, and would not start with a
// limit below that.
const unlimitedStore = 1 << 60

// eventStore and privateStore are the shares of MaxStore that events and what is kept beside them
// have.
func (o *Options) eventStore() int64   { return o.MaxStore / 100 * eventsShare }
func (o *Options) privateStore() int64 { return o.MaxStore / 100 * (100 - eventsShare) }

// accounts makes those of one start of the server; clients is nil without Listen. In a cluster
// those with streams come with their limits, because streams are assigned to the server as soon as
// it runs, and only a configuration can set them before. There the former account stays: streams
// that lie in it are assigned to servers, whatever version those are.
func (o *Options) accounts(clients *client.Options) ([]*server.Account, error) {
	own := map[string]*server.Account{eventsAccount: server.NewAccount(eventsAccount), privateAccount: server.NewAccount(privateAccount)}
	if o.Clustered() {
		limited, err := o.limitedAccounts()
		if err != nil {
			return nil, err
		}
		own = limited
	}
	var list []*server.Account
	for _, name := range []string{eventsAccount, privateAccount, formerAccount} {
		if account := own[name]; account != nil {
			list = append(list, account)
		}
	}
	if clients == nil {
		return list, nil
	}
	seats, err := clients.Accounts(own[eventsAccount])
	return append(list, seats...), err
}

// limitedAccounts are those of a cluster. A limit counts every copy, wherever it is, so it is that
// of all servers together.
func (o *Options) limitedAccounts() (map[string]*server.Account, error) {
	const text = `accounts {
		%s { jetstream { max_store: %d } }
		%s { jetstream { max_store: %d } }
		%s { jetstream: enabled }
	}`
	servers := int64(o.ClusterSize)
	var parsed server.Options
	if err := parsed.ProcessConfigString(fmt.Sprintf(text, eventsAccount, servers*o.eventStore(), privateAccount, servers*o.privateStore(),
		formerAccount)); err != nil {
		return nil, fmt.Errorf("configure the accounts: %w", err)
	}
	limited := map[string]*server.Account{}
	for _, account := range parsed.Accounts {
		switch name := account.GetName(); name {
		case eventsAccount, privateAccount, formerAccount:
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

// tellOfFormer says that streams are there which clients made and nobody reaches any more. They
// stay, because they are not ours to remove.
func (o *Options) tellOfFormer() {
	folder := filepath.Join(o.Dir, "jetstream", formerAccount)
	streams, err := filepath.Glob(filepath.Join(folder, "streams", "*"))
	if err == nil && len(streams) > 0 {
		o.Log.Warn("NATS clients have no streams of their own any more: what such streams hold stays in the folder, and takes its space until you remove it",
			"file", folder, "streams", len(streams))
	}
}
