package fault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// natsVariable makes a process of this test binary a NATS server and nothing else: a server
// that is to be killed has to be a process of its own.
const natsVariable = "FAULT_BE_NATS"

// A natsNode is what such a process is told.
type natsNode struct {
	Name, Folder  string
	Address, Told string   // where it listens, and what it tells clients of itself
	Route         string   // where it listens to the others
	Routes        []string // all of them
}

// newNATS is a cluster of JetStream servers; one alone is no cluster. Through proxies, clients
// reach each by its own.
func newNATS(t *testing.T, n int, proxied bool) *cluster {
	t.Helper()
	c, folder := &cluster{T: t}, t.TempDir()
	nodes := make([]*natsNode, n)
	var routes, told []string
	for i := range nodes {
		name := fmt.Sprintf("nats-%d", i+1)
		nodes[i] = &natsNode{Name: name, Folder: filepath.Join(folder, name), Address: c.address(), Route: c.address()}
		nodes[i].Told = c.inFront(nodes[i].Address, proxied)
		routes, told = append(routes, "nats://"+nodes[i].Route), append(told, nodes[i].Told)
	}
	for _, node := range nodes {
		if n > 1 {
			node.Routes = routes
		}
		text, err := json.Marshal(node)
		if err != nil {
			t.Fatal(err)
		}
		c.add(&fault.Server{
			Name: node.Name, Address: node.Address, Log: filepath.Join(folder, node.Name+".log"),
			Command: func() *exec.Cmd {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), natsVariable+"="+string(text))
				return cmd
			},
		})
	}
	c.url = "nats://" + strings.Join(told, ",")
	c.moveLeaders = func(ctx context.Context) error {
		return c.ask(ctx, "$JS.API.STREAM.LEADER.STEPDOWN.HOOKSPAN_EVENTS")
	}
	c.deleteEvents = func(ctx context.Context) error { return c.ask(ctx, "$JS.API.STREAM.DELETE.HOOKSPAN_EVENTS") }
	return c
}

// ask makes a request of JetStream's API, again while it has no leader to answer.
func (c *cluster) ask(ctx context.Context, subject string) error {
	nc, err := nats.Connect(c.url)
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	defer nc.Close()
	var answer *nats.Msg
	waited := fault.Await(ctx, 100*time.Millisecond, func() bool {
		answer, err = nc.Request(subject, nil, time.Second)
		return err == nil
	})
	if waited != nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	var said struct {
		Success bool
		Error   struct{ Description string }
	}
	if err := json.Unmarshal(answer.Data, &said); err != nil || !said.Success {
		return fmt.Errorf("%s: %s (%v)", subject, said.Error.Description, err)
	}
	return nil
}

// beNATS is the whole life of such a process.
func beNATS(text string) error {
	var n natsNode
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return fmt.Errorf("read what to be: %w", err)
	}
	o := &server.Options{ServerName: n.Name, JetStream: true, StoreDir: n.Folder, ClientAdvertise: n.Told, NoLog: false}
	var err error
	if o.Host, o.Port, err = hostPort(n.Address); err != nil {
		return err
	}
	if len(n.Routes) > 0 {
		o.Cluster.Name = "fault"
		if o.Cluster.Host, o.Cluster.Port, err = hostPort(n.Route); err != nil {
			return err
		}
		for _, route := range n.Routes {
			u, err := url.Parse(route)
			if err != nil {
				return err
			}
			o.Routes = append(o.Routes, u)
		}
	}
	s, err := server.NewServer(o)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	if err := server.Run(s); err != nil { // which listens to SIGTERM
		return err
	}
	s.WaitForShutdown()
	return nil
}

func hostPort(address string) (string, int, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.Atoi(port)
	return host, n, err
}
