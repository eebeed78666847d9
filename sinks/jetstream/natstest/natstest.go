// Package natstest runs NATS servers with JetStream inside a test: one alone, or a cluster.
// They listen on ports of the loopback interface and keep their streams in the test's folder.
//
// Unless a configuration of its own says otherwise, the servers have many accounts that know
// nothing of each other (Account), so that tests which run at the same time can share a
// cluster.
package natstest

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/sinks/porttest"
)

const (
	// accounts is how many there are.
	accounts = 200
	// patience bounds every wait for a server.
	patience = 90 * time.Second
)

// Config changes what the servers are like. The zero value is fine.
type Config struct {
	// Auth replaces the accounts: lines of nats-server's configuration, or a blank for none.
	Auth string
	// Domain is the JetStream domain.
	Domain string
	// Extra is added to the configuration of each server.
	Extra string
}

// Servers are one server or a cluster.
type Servers struct {
	t        testing.TB
	conf     Config
	nodes    []*node
	accounts atomic.Int64
}

// A node is a place for a server, which may be stopped and run again there.
type node struct {
	name, folder        string
	client, route, http int // ports

	side int // of a divided cluster

	mu     sync.Mutex
	server *server.Server // nil while it is stopped
}

// Start runs n servers, a cluster when there are several, until the test ends. It returns when
// they can make streams.
func Start(t testing.TB, n int, conf Config) *Servers {
	t.Helper()
	s := &Servers{t: t, conf: conf}
	dir := Folder(t)
	ports := porttest.Ports(t, 3*n)
	for i := range n {
		name := fmt.Sprintf("n%d", i+1)
		s.nodes = append(s.nodes, &node{name: name, folder: filepath.Join(dir, name), client: ports[3*i], route: ports[3*i+1], http: ports[3*i+2]})
	}
	t.Cleanup(func() {
		var all sync.WaitGroup
		for i := range s.nodes {
			all.Go(func() { s.Stop(i) })
		}
		all.Wait()
	})
	for i := range s.nodes {
		s.run(i)
	}
	s.Settle()
	if n > 1 {
		s.meet()
	}
	return s
}

// meet waits until the server that places streams has heard of the room that each has. Before,
// a stream with a copy on each of them is refused.
func (s *Servers) meet() {
	s.t.Helper()
	known := func(n *node) bool { return len(n.server.JetStreamClusterPeers()) == len(s.nodes) }
	for end := time.Now().Add(patience); !slices.ContainsFunc(s.nodes, known); <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatal("the servers have not met")
		}
	}
}

func (s *Servers) config(n *node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server_name: %s\nlisten: 127.0.0.1:%d\nhttp: 127.0.0.1:%d\n", n.name, n.client, n.http)
	fmt.Fprintf(&b, "jetstream { store_dir: %q, max_file_store: 100GB, max_memory_store: 1GB, domain: %q }\n", n.folder, s.conf.Domain)
	if len(s.nodes) > 1 {
		fmt.Fprintf(&b, "cluster { name: tested, listen: 127.0.0.1:%d, authorization { user: side%d, password: open }, routes: [", n.route, n.side)
		for _, other := range s.nodes {
			if other.side == n.side {
				fmt.Fprintf(&b, "\"nats://side%d:open@127.0.0.1:%d\", ", n.side, other.route)
			}
		}
		b.WriteString("] }\n")
	}
	if s.conf.Auth != "" {
		b.WriteString(s.conf.Auth)
	} else {
		b.WriteString("system_account: SYS\naccounts {\n SYS {}\n")
		for i := range accounts {
			fmt.Fprintf(&b, " A%d { jetstream: enabled, users: [{user: %q, password: %q}] }\n", i, user(i), password)
		}
		b.WriteString("}\n")
	}
	b.WriteString("\n" + s.conf.Extra + "\n")
	return b.String()
}

const password = "open sesame"

func user(account int) string { return fmt.Sprintf("user%d", account) }

// run starts the i-th server. It does not wait.
func (s *Servers) run(i int) {
	s.t.Helper()
	n := s.nodes[i]
	o := &server.Options{}
	if err := o.ProcessConfigString(s.config(n)); err != nil {
		s.t.Fatalf("configure server %s: %v", n.name, err)
	}
	o.NoSigs, o.NoLog = true, true
	inner, err := server.NewServer(o)
	if err != nil {
		s.t.Fatalf("configure server %s: %v", n.name, err)
	}
	n.mu.Lock()
	n.server = inner
	n.mu.Unlock()
	inner.Start()
}

// Await waits until the i-th server takes clients and JetStream works there.
func (s *Servers) Await(i int) {
	s.t.Helper()
	n := s.nodes[i]
	n.mu.Lock()
	inner := n.server
	n.mu.Unlock()
	if inner == nil || !inner.ReadyForConnections(patience) {
		s.t.Fatalf("server %s takes no clients", n.name)
	}
	var last string
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/healthz", n.http))
		if err != nil {
			last = err.Error()
			continue
		}
		why, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
		last = fmt.Sprintf("%s: %s %v", answer.Status, why, err)
	}
	s.t.Fatalf("JetStream on server %s does not work: %s", n.name, last)
}

// Stop ends the i-th server cleanly, if it runs.
func (s *Servers) Stop(i int) {
	n := s.nodes[i]
	n.mu.Lock()
	inner := n.server
	n.server = nil
	n.mu.Unlock()
	if inner != nil {
		inner.Shutdown()
		inner.WaitForShutdown()
	}
}

// Restart runs the i-th server again with what it had stored. It does not wait: without most
// of the others it could not become ready (Await).
func (s *Servers) Restart(i int) {
	s.t.Helper()
	s.Stop(i)
	s.run(i)
}

// Settle waits until each server has all that was made. Before, no one may go: the other two
// elect no leader while one of them has an empty log.
func (s *Servers) Settle() {
	s.t.Helper()
	for i := range s.nodes {
		s.Await(i)
	}
}

// CutOff has the others run again without the i-th server, which goes on, keeps its clients and
// reaches nobody.
func (s *Servers) CutOff(i int) {
	s.t.Helper()
	s.Settle()
	for other, n := range s.nodes {
		if other != i {
			s.Stop(other)
			n.side++
		}
	}
	for other := range s.nodes {
		if other != i {
			s.run(other)
		}
	}
	for other := range s.nodes {
		if other != i {
			s.Await(other)
		}
	}
}

// Index is the place of a server by its name, -1 without one.
func (s *Servers) Index(name string) int {
	return slices.IndexFunc(s.nodes, func(n *node) bool { return n.name == name })
}

// Addr is host:port of the i-th server's clients.
func (s *Servers) Addr(i int) string { return fmt.Sprintf("127.0.0.1:%d", s.nodes[i].client) }

// Addrs are those of all.
func (s *Servers) Addrs() []string {
	var list []string
	for i := range s.nodes {
		list = append(list, s.Addr(i))
	}
	return list
}

// URL is where clients connect, without credentials.
func (s *Servers) URL() string { return "nats://" + strings.Join(s.Addrs(), ",") }

// Account is a user of an account that nobody else was given. There is none where Config.Auth
// replaces the accounts.
func (s *Servers) Account() (name, secret string) {
	i := int(s.accounts.Add(1)) - 1
	if i >= accounts || s.conf.Auth != "" {
		s.t.Fatal("there are no accounts to give")
	}
	return user(i), password
}

// Connect is a client's connection, closed when t ends.
func (s *Servers) Connect(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.URL(), append([]nats.Option{nats.Timeout(patience), nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Leader is the server that leads a stream, -1 when nobody does.
func (s *Servers) Leader(t testing.TB, nc *nats.Conn, stream string) int {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	found, err := js.Stream(t.Context(), stream)
	if err != nil || found.CachedInfo().Cluster == nil {
		return -1
	}
	for i, n := range s.nodes {
		if n.name == found.CachedInfo().Cluster.Leader {
			return i
		}
	}
	return -1
}
