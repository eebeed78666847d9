package embedded

import (
	"context"
	"fmt"
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

// watchRemembered disconnects clients that have the server remember too much, until ctx ends.
func (s *Server) watchRemembered(ctx context.Context) {
	tick := time.NewTicker(rememberedLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		s.mu.RLock()
		inner := s.inner
		s.mu.RUnlock()
		if inner != nil && s.remembered(inner) > s.o.mostRemembered {
			s.makeForget(inner)
		}
	}
}

// answering are the accounts that answer clients: the server remembers requests there.
func (s *Server) answering() []string {
	return []string{eventsAccount, clientsAccount, s.deskAccount()}
}

func (s *Server) remembered(inner *server.Server) (n int) {
	for _, name := range s.answering() {
		if account, err := inner.LookupAccount(name); err == nil {
			n += account.NumPendingAllResponses()
		}
	}
	return n
}

// An asker is a client that the server remembers requests of.
type asker struct {
	seat       string
	connection uint64
	requests   int
}

// makeForget disconnects those who have the server remember most until the others together stay
// within the bound, and empties the seats of who has gone: the next look finds those.
func (s *Server) makeForget(inner *server.Server) {
	requests := s.requestsBySeat(inner)
	var askers []asker
	total := 0
	for i := range clientConnections {
		seat := s.seatAccount(i)
		switch id := s.guard.occupant(i); {
		case requests[seat] == 0:
		case id == 0:
			s.sweep(seat)
		default:
			askers = append(askers, asker{seat, id, requests[seat]})
			total += requests[seat]
		}
	}
	slices.SortFunc(askers, func(a, b asker) int { return b.requests - a.requests })
	for _, a := range askers {
		if total <= s.o.mostRemembered {
			return
		}
		s.o.Log.Warn("a NATS client was disconnected: it has asked for more than the server can remember to answer",
			"client", clientAddress(inner, a.connection), "requests", a.requests, "limit", s.o.mostRemembered)
		_ = inner.DisconnectClientByID(a.connection) // it may have left by itself
		total -= a.requests
	}
}

func (s *Server) requestsBySeat(inner *server.Server) map[string]int {
	n := map[string]int{}
	for _, name := range s.answering() {
		about, err := inner.Accountz(&server.AccountzOptions{Account: name})
		if err != nil {
			continue
		}
		for _, answer := range about.Account.Responses {
			n[answer.Account]++
		}
	}
	return n
}

func clientAddress(inner *server.Server, id uint64) net.Addr {
	if c := inner.GetClient(id); c != nil {
		return c.RemoteAddress()
	}
	return nil
}

// sweep makes the server forget what was asked for in a seat and nobody is there to get: it
// looks for that whenever a subscription ends.
func (s *Server) sweep(seat string) {
	if err := s.subscribeOnce(seat); err != nil {
		s.o.Log.Warn("what a NATS client asked for stays in memory for some seconds", "error", err)
	}
}

func (s *Server) subscribeOnce(account string) error {
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.Name("hookspan sweep"), nats.Token(s.token(account)), nats.NoReconnect())
	if err != nil {
		return fmt.Errorf("connect to the embedded bus: %w", err)
	}
	defer nc.Close()
	all, err := nc.SubscribeSync(">")
	if err != nil {
		return err
	}
	if err := all.Unsubscribe(); err != nil {
		return err
	}
	return nc.FlushTimeout(connsTimeout)
}
