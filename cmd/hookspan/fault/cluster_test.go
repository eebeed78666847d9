//go:build fleets && unix

package fault_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
	"github.com/hookspan/hookspan/sinks/porttest"
	"github.com/hookspan/hookspan/sinks/proxytest"
)

// A cluster is a bus that several replicas use.
type cluster struct {
	*testing.T
	url     string // HOOKSPAN_BUS
	servers []*fault.Server
	proxies []*proxytest.Proxy // in front of the servers; none: clients reach the servers themselves

	// What an operator may do to the events: move their leaders to other servers, or delete
	// whatever holds them.
	moveLeaders, deleteEvents func(context.Context) error
}

// address is a free one, which stays so between a kill and the next start.
func (c *cluster) address() string {
	c.Helper()
	return porttest.Addresses(c, 1)[0]
}

// inFront is the address by which clients reach a server.
func (c *cluster) inFront(address string, proxied bool) string {
	c.Helper()
	if !proxied {
		return address
	}
	p := proxytest.Start(c, address)
	c.proxies = append(c.proxies, p)
	return p.Address
}

// cut parts the servers from everybody who comes through their proxies.
func (c *cluster) cut(how proxytest.Cut) {
	for _, p := range c.proxies {
		p.Cut(how)
	}
}

func (c *cluster) mend() {
	for _, p := range c.proxies {
		p.Mend()
	}
}

// add takes a server in and ends it with the test.
func (c *cluster) add(s *fault.Server) {
	c.servers = append(c.servers, s)
	c.Cleanup(func() {
		s.Kill()
		if text, err := os.ReadFile(s.Log); c.Failed() && err == nil {
			c.Logf("end of the log of %s:\n%s", s.Name, text[max(0, len(text)-(2<<10)):])
		}
	})
}

// start starts all servers and waits until they serve.
func (c *cluster) start() {
	c.Helper()
	for _, s := range c.servers {
		if err := s.Start(); err != nil {
			c.Fatal(err)
		}
	}
	for _, s := range c.servers {
		c.await(s)
	}
}

func (c *cluster) await(s *fault.Server) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), 3*time.Minute) // where others use the machine, too
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		c.Fatal(err)
	}
}

// stop kills all servers.
func (c *cluster) stop() {
	for _, s := range c.servers {
		s.Kill()
	}
}
