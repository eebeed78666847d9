//go:build fleets && unix

package fault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

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
