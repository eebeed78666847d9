package config

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Config is everything that was decided before the start. Fields left empty by the operator
// hold their defaults, those that depend on other settings included.
type Config struct {
	Settings
	TLS      TLS
	AdminTLS TLS
	Embedded Embedded
	// EmbeddedTLS is that of NATS clients of the embedded bus.
	EmbeddedTLS TLS
	BusTLS      BusTLS
	NATS        NATS
	Kafka       Kafka

	Sources   []Source
	Endpoints []Endpoint

	// Files are those that were read or that a listener will read; a change of one of them is
	// a reason to load again.
	Files []string
	// Warnings are no faults, but worth a line in the log.
	Warnings []Problem
}

// Load reads the environment ("NAME=value", as from os.Environ) and the files that it names.
// The error is a Problems with every fault; there is no Config then.
func Load(environ []string) (*Config, error) {
	l := newLoading(environ)
	l.readFile()
	l.takeNames()
	l.takeVariables()
	l.readSecrets()
	l.decode()
	l.cfg.complete()
	l.check()
	if len(l.problems) > 0 {
		return nil, l.problems.sorted()
	}
	return l.cfg, nil
}

// Alone reports that no other process uses the bus: what is not given (token, seal key,
// endpoint secrets) can be made and kept in the data folder.
func (c *Config) Alone() bool { return c.Bus.Kind == BusEmbedded && c.Embedded.Cluster == "" }

// Runs reports whether this process has a role.
func (c *Config) Runs(role string) bool { return slices.Contains(c.Roles, role) }

// The roles that a process may have.
const (
	RoleReceiver   = "receiver"
	RoleDispatcher = "dispatcher"
	RoleAdmin      = "admin"
)

// complete fills the defaults that depend on other settings.
func (c *Config) complete() {
	if c.TopicPrefix == "" {
		c.TopicPrefix = c.Namespace + ".events"
	}
	if c.Stream == "" {
		c.Stream = strings.ToUpper(strings.ReplaceAll(c.Namespace, "-", "_")) + "_EVENTS"
	}
	if len(c.Topics) == 0 {
		c.Topics = List{c.TopicPrefix + ".>"}
		if c.Bus.Kind == BusKafka {
			c.Topics = List{"/^" + regexp.QuoteMeta(c.TopicPrefix+".") + "/"}
		}
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		if s.Topic == "" {
			s.Topic = c.TopicPrefix + "." + s.Name
		}
		if s.DedupWindow == nil {
			window := min(defaultDedupWindow, c.Retention)
			s.DedupWindow = &window
		}
	}
}

// defaultDedupWindow is how long ids are remembered unless the retention is shorter.
const defaultDedupWindow = 72 * time.Hour
