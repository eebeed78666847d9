package embedded

import (
	"crypto/subtle"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Our own connections show the password of this start, behind the name of their account.
func (s *Server) token(account string) string { return account + ":" + s.password }

// A guard says in which account a connection is. It implements server.Authentication.
type guard struct {
	s *Server

	mu      sync.Mutex
	inner   *server.Server // of the start that asks
	seats   []seat
	next    int // seat to try first: the one that has been free longest
	crowded seldom
}

// A seat is that of one connection at a time.
type seat struct {
	connection uint64 // that was given it last; 0: none, or it was dismissed
	used       bool   // what was asked for in it may be another's, who had it before
	given      bool   // at least once
}

func newGuard(s *Server) *guard {
	return &guard{s: s, seats: make([]seat, clientConnections), crowded: seldom{last: map[string]time.Time{}}}
}

// guards a new start of the server.
func (g *guard) at(inner *server.Server) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inner = inner
	clear(g.seats)
}

func (g *guard) Check(c server.ClientAuthentication) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if account, ours := g.ours(c.GetOpts().Token); ours {
		return g.let(c, account)
	}
	if g.s.o.Listen == "" || c.Kind() != server.CLIENT || !g.s.o.knows(c.GetOpts()) {
		return false
	}
	return g.seat(c)
}

// ours finds out what account one of our own connections is for.
func (g *guard) ours(token string) (account string, ok bool) {
	account, password, _ := strings.Cut(token, ":")
	return account, subtle.ConstantTimeCompare([]byte(password), []byte(g.s.password)) == 1
}

// knows compares what a client says with what it should know. Without a user there is nothing
// to know, and whoever says something else believes to be elsewhere.
func (o *Options) knows(given *server.ClientOpts) bool {
	user := subtle.ConstantTimeCompare([]byte(given.Username), []byte(o.User))
	password := subtle.ConstantTimeCompare([]byte(given.Password), []byte(o.Password))
	return user&password == 1 && given.Token == "" && given.JWT == "" && given.Nkey == ""
}

// clientMay keeps from a client its own messages on their way. What a client can reach is not a
// matter of rights: it is what its account imports.
var clientMay = &server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{"$HS.>"}}}

// seat gives a client an account that no other connection is in.
func (g *guard) seat(c server.ClientAuthentication) bool {
	for i := range g.seats { // the server asks again when its options change
		if g.seats[i].connection == c.GetID() {
			return true
		}
	}
	for range g.seats {
		i := g.next
		g.next = (g.next + 1) % len(g.seats)
		account, err := g.inner.LookupAccount(g.s.o.seatAccount(i))
		if err != nil || account.NumLocalConnections() > 0 {
			continue
		}
		g.seats[i] = seat{connection: c.GetID(), used: g.seats[i].given, given: true}
		c.RegisterUser(&server.User{Account: account, Permissions: clientMay})
		return true
	}
	if g.crowded.due("clients", time.Now()) {
		g.s.o.Log.Warn("a NATS client was turned away: there are as many as may be connected", "limit", len(g.seats))
	}
	return false
}

// occupant is the connection that answers for what was asked for in a seat. It is 0 when nobody
// does any more, and once for each who has the seat after another.
func (g *guard) occupant(i int) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	account, err := g.inner.LookupAccount(g.s.o.seatAccount(i))
	if err != nil || account.NumLocalConnections() == 0 || g.seats[i].used {
		g.seats[i].used = false
		return 0
	}
	return g.seats[i].connection
}

// dismiss takes the seat from a connection that is about to be cut.
func (g *guard) dismiss(i int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seats[i].connection = 0
}

func (g *guard) let(c server.ClientAuthentication, name string) bool {
	account, err := g.inner.LookupAccount(name)
	if err != nil {
		g.s.o.Log.Error("embedded bus", "error", fmt.Errorf("look up account %s: %w", name, err))
		return false
	}
	c.RegisterUser(&server.User{Account: account})
	return true
}
