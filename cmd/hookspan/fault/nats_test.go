package fault_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
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
