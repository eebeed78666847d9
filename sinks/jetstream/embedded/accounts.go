package embedded

import (
	"crypto/rand"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// The server's accounts. They are separate worlds: neither can name a subject or a stream of
// the other, not even through a mirror, a source or a consumer's delivery subject. Their names
// are folders of the store, so they never change.
const (
	eventsAccount  = "EVENTS"
	privateAccount = "HOOKSPAN"
)

// inboxPrefix keeps the acknowledgements that we wait for where no client can see or send
// them.
const inboxPrefix = "_HOOKSPAN"

// eventsShare of the store is for the events' account, in percent: what Hookspan keeps beside
// events has room that events cannot take.
const eventsShare = 80

// unlimitedStore is the server's own limit: each account has its share of the store instead. The
// server counts what streams have reserved, not what they hold, and would not start with a
// limit below that.
const unlimitedStore = 1 << 60

// logins are the users of one start of the server. Ours have a random password that lives in
// memory alone; in a cluster each server has its own.
type logins struct {
	users     []*server.User
	accounts  []*server.Account
	anonymous string // the user that a client without credentials is
}

const (
	eventsUser  = "hookspan-events"
	privateUser = "hookspan-private"
	clientUser  = "client"
)

func (s *Server) logins() (logins, error) {
	events, private, err := s.accounts()
	if err != nil {
		return logins{}, err
	}
	l := logins{accounts: []*server.Account{events, private}}
	l.users = []*server.User{
		{Username: eventsUser, Password: s.password, Account: events},
		{Username: privateUser, Password: s.password, Account: private},
	}
	if s.o.Listen == "" {
		return l, nil
	}
	client := &server.User{Username: s.o.User, Password: s.o.Password, Account: events, Permissions: s.o.clientMay()}
	if s.o.User == "" {
		client.Username, client.Password = clientUser, rand.Text()
		l.anonymous = clientUser
	}
	l.users = append(l.users, client)
	return l, nil
}

// accounts makes both accounts. In a cluster they come with their limits, because streams are
// assigned to the server as soon as it runs, and only a configuration can set them before. A
// limit counts every copy, wherever it is, so it is that of all servers together.
func (s *Server) accounts() (events, private *server.Account, err error) {
	if !s.o.clustered() {
		return server.NewAccount(eventsAccount), server.NewAccount(privateAccount), nil
	}
	const text = "accounts { %s { jetstream { max_store: %d } }, %s { jetstream { max_store: %d } } }"
	servers := int64(s.o.ClusterSize)
	var o server.Options
	if err := o.ProcessConfigString(fmt.Sprintf(text, eventsAccount, servers*s.EventStore(), privateAccount, servers*s.PrivateStore())); err != nil {
		return nil, nil, fmt.Errorf("configure the accounts: %w", err)
	}
	for _, a := range o.Accounts {
		switch a.GetName() {
		case eventsAccount:
			events = a
		case privateAccount:
			private = a
		}
	}
	return events, private, nil
}

// clientMay lets clients do everything with events but change the streams that are ours.
func (o *Options) clientMay() *server.Permissions {
	ours := inboxPrefix + ".>"
	deny := []string{ours}
	for _, stream := range o.Protect {
		for _, verb := range []string{"CREATE", "UPDATE", "DELETE", "PURGE", "RESTORE", "MSG.DELETE", "PEER.REMOVE", "LEADER.STEPDOWN"} {
			deny = append(deny, "$JS.API.STREAM."+verb+"."+stream)
		}
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Deny: deny},
		Subscribe: &server.SubjectPermission{Deny: []string{ours}},
	}
}

// enableJetStream recovers the streams of both accounts, each within its share of the store.
// Streams that reserved more than that, because the limit was larger once, are kept. In a
// cluster the server has done so by itself.
func (s *Server) enableJetStream(inner *server.Server) error {
	if s.o.clustered() {
		return nil
	}
	for _, share := range []struct {
		account string
		bytes   int64
	}{{eventsAccount, s.EventStore()}, {privateAccount, s.PrivateStore()}} {
		account, err := inner.LookupAccount(share.account)
		if err != nil {
			return fmt.Errorf("look up account %s: %w", share.account, err)
		}
		limits := map[string]server.JetStreamAccountLimits{"": {
			MaxMemory: -1, MaxStore: share.bytes, MaxStreams: -1, MaxConsumers: -1,
			MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
		}}
		if err := account.EnableJetStream(limits, nil); err != nil {
			return fmt.Errorf("recover the streams of account %s: %w", share.account, err)
		}
	}
	return nil
}
