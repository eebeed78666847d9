package embedded

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/topic"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/client"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
)

// Sync says what an acknowledgement of the bus waits for.
type Sync string

const (
	// Group waits for one sync of the store that all waiters share; in a cluster, for one of
	// each server's log on a quorum of them.
	Group Sync = "group"
	// Always has the server sync every message by itself; in a cluster it is the same as Group.
	Always Sync = "always"
	// Lazy waits for nothing: a power cut loses up to the last 100 ms, in a cluster only one
	// that meets a quorum of its servers within that time.
	Lazy Sync = "lazy"
)

const (
	// defaultMaxPayload holds a body of 1 MiB and its headers.
	defaultMaxPayload = 1<<20 + 64<<10
	// maxPayload is where nats-server's clients run into their pending limits.
	maxPayload = 64 << 20
	// maxPending is what a connection that does not read may have waiting.
	maxPending = 16 << 20
)

// Options configure the server. Dir is required; the zero value of the rest works.
type Options struct {
	Dir  string // the data folder; made when missing
	Sync Sync   // default Group

	Listen   string // host:port for NATS clients; empty: none
	User     string // of those clients; without user and password only loopback may listen
	Password string
	// Connections bounds their connections, our own but the desk's and those that have not yet said who
	// they are among them, because each takes a descriptor; default and at most client.Connections.
	Connections int
	// TLS makes the connections of those clients TLS; it needs a certificate.
	TLS *tls.Config
	// Protect names the event streams: those clients read them through consumers that are made
	// for them, and change nothing; default HOOKSPAN_EVENTS.
	Protect []string
	// Publish are the topics on event streams that those clients publish and subscribe to
	// (default hookspan.events.>), Read those that they only subscribe to (default dead letters,
	// operations events and quarantine).
	Publish, Read []string

	cluster.Membership // in a cluster; zero: the server is alone

	MaxStore   int64 // bytes of all streams; default 80 % of what is free or already stored
	Watermark  int64 // free bytes below which events are refused; default the smaller of 5 % and 256 MB
	MaxPayload int   // bytes of the largest message with its headers; default 1 MiB and 64 KiB

	Log    *slog.Logger                    // default: none
	Synced func(took time.Duration, n int) // told of every sync and of how many waited for it

	mostTopics, mostUnread int // defaults of client.Options
}

// Validate reports the first option that cannot work, by its name.
func (o *Options) Validate() error {
	switch {
	case o.Dir == "":
		return errors.New("embedded bus: Dir is empty: name a data folder")
	case o.Sync != "" && o.Sync != Group && o.Sync != Always && o.Sync != Lazy:
		return fmt.Errorf("embedded bus: Sync %q: use group, always or lazy", o.Sync)
	case o.MaxStore < 0:
		return errors.New("embedded bus: MaxStore is negative")
	case o.Watermark < 0:
		return errors.New("embedded bus: Watermark is negative")
	case o.Connections < 0 || o.Connections > client.Connections:
		return fmt.Errorf("embedded bus: Connections %d: clients may have %d at the most", o.Connections, client.Connections)
	case o.MaxPayload < 0 || o.MaxPayload > maxPayload:
		return fmt.Errorf("embedded bus: MaxPayload %d: the largest message may have %d bytes", o.MaxPayload, maxPayload)
	case (o.User == "") != (o.Password == ""):
		return errors.New("embedded bus: User and Password belong together: set both or none")
	}
	if err := o.Membership.Validate(); err != nil {
		return err
	}
	if o.Listen == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("embedded bus: Listen: %w", err)
	}
	if o.User == "" && !cluster.Loopback(host) {
		return fmt.Errorf("embedded bus: Listen %q is not loopback: set User and Password, or listen on 127.0.0.1", o.Listen)
	}
	return nil
}

// Check is Validate, and what Open would refuse about a data folder that is there and can be read. It
// leaves it as it is.
func (o *Options) Check() error {
	if err := o.Validate(); err != nil {
		return err
	}
	if dir, err := os.Stat(o.Dir); err != nil || !dir.IsDir() {
		return nil
	}
	err := o.Membership.Check(o.Dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

func (o *Options) withDefaults() {
	if o.Sync == "" {
		o.Sync = Group
	}
	if o.Connections == 0 {
		o.Connections = client.Connections
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = defaultMaxPayload
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Synced == nil {
		o.Synced = func(time.Duration, int) {}
	}
	o.Membership.WithDefaults()
	o.clientDefaults()
}

func (o *Options) clientDefaults() {
	if len(o.Protect) == 0 {
		o.Protect = []string{"HOOKSPAN_EVENTS"}
	}
	if len(o.Publish) == 0 {
		o.Publish = []string{"hookspan.events.>"}
	}
	if len(o.Read) == 0 {
		for _, name := range topic.Own("hookspan") {
			o.Read = append(o.Read, name, name+".>")
		}
	}
}

// serverName tells this server's accounts from those of others in the cluster.
func (o *Options) serverName() string {
	if o.ServerName == "" {
		return "hookspan"
	}
	return strings.ReplaceAll(o.ServerName, ".", "_")
}
