package embedded

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded/client"
)

// A guard says in which account a connection is: ours show the password of this start, clients
// get seats. It implements server.Authentication.
type guard struct {
	password string        // of our own connections, in memory alone
	seats    *client.Seats // nil without Listen
	log      *slog.Logger

	mu    sync.Mutex
	inner *server.Server // of the start that asks
}

// token is what one of our own connections shows, behind the name of its account.
func (g *guard) token(account string) string { return account + ":" + g.password }

// guards a new start of the server.
func (g *guard) at(inner *server.Server) {
	g.mu.Lock()
	g.inner = inner
	g.mu.Unlock()
	if g.seats != nil {
		g.seats.Begin(inner)
	}
}

func (g *guard) Check(c server.ClientAuthentication) bool {
	if account, ours := g.ours(c.GetOpts().Token); ours {
		return g.let(c, account)
	}
	return g.seats != nil && g.seats.Let(c)
}

// ours finds out what account one of our own connections is for.
func (g *guard) ours(token string) (account string, ok bool) {
	account, password, _ := strings.Cut(token, ":")
	return account, subtle.ConstantTimeCompare([]byte(password), []byte(g.password)) == 1
}

func (g *guard) let(c server.ClientAuthentication, name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	account, err := g.inner.LookupAccount(name)
	if err != nil {
		g.log.Error("embedded bus", "error", fmt.Errorf("look up account %s: %w", name, err))
		return false
	}
	c.RegisterUser(&server.User{Account: account})
	return true
}
