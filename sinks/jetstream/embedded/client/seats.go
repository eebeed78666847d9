package client

import (
	"crypto/subtle"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// toldAgain is how often it is told that clients are turned away.
const toldAgain = 10 * time.Second

// Seats give each client an account that no other connection is in.
type Seats struct {
	o *Options

	mu    sync.Mutex
	inner *server.Server // of the start that asks
	list  []seat
	next  int       // seat to try first: the one that has been free longest
	told  time.Time // that there are none left
}

// A seat is that of one connection at a time.
type seat struct {
	connection uint64 // that was given it last; 0: none
}

// NewSeats makes them.
func NewSeats(o *Options) *Seats { return &Seats{o: o, list: make([]seat, connections)} }

func (o *Options) seatAccount(n int) string {
	return fmt.Sprintf("%s%s_%d", seatAccountPrefix, o.Server, n)
}

// Begin empties them for a new start of the server.
func (s *Seats) Begin(inner *server.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inner = inner
	clear(s.list)
}

// Let gives who knows what clients know a seat, unless all are taken.
func (s *Seats) Let(c server.ClientAuthentication) bool {
	return c.Kind() == server.CLIENT && s.o.knows(c.GetOpts()) && s.give(c)
}

// knows compares what a client says with what it should know. Without a user there is nothing
// to know, and whoever says something else believes to be elsewhere.
func (o *Options) knows(given *server.ClientOpts) bool {
	user := subtle.ConstantTimeCompare([]byte(given.Username), []byte(o.User))
	password := subtle.ConstantTimeCompare([]byte(given.Password), []byte(o.Password))
	return user&password == 1 && given.Token == "" && given.JWT == "" && given.Nkey == ""
}

// clientMay keeps from a client its own messages on their way. What a client can reach is not a
// matter of rights: it is what its account exchanges with others.
var clientMay = &server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{"$HS.>"}}}

func (s *Seats) give(c server.ClientAuthentication) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list { // the server asks again when its options change
		if s.list[i].connection == c.GetID() {
			return true
		}
	}
	for range s.list {
		i := s.next
		s.next = (s.next + 1) % len(s.list)
		account, err := s.inner.LookupAccount(s.o.seatAccount(i))
		if err != nil || account.NumLocalConnections() > 0 {
			continue
		}
		s.list[i] = seat{connection: c.GetID()}
		c.RegisterUser(&server.User{Account: account, Permissions: clientMay})
		return true
	}
	if now := time.Now(); now.Sub(s.told) >= toldAgain {
		s.told = now
		s.o.Log.Warn("a NATS client was turned away: there are as many as may be connected", "limit", len(s.list))
	}
	return false
}
