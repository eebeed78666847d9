package config

import (
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/setting"
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
	SMTP        SMTP
	Alert       Alert
	NATS        NATS
	Kafka       Kafka

	Sources   []Source
	Endpoints []endpoint.Endpoint

	// Files are those that were read or that a listener will read; a change of one of them is
	// a reason to load again.
	Files []string
	// SecretFiles are those of them, and of a login, that hold a secret.
	SecretFiles []string
	// Warnings are no faults, but worth a line in the log.
	Warnings []Problem

	places map[string]string // where the author of a setting finds it, by variable
}

// SourceSetting is where a source's setting was given: the file's line, or the variable. The
// word is that of the file; what stands behind a dot or a bracket in it is left out.
func (c *Config) SourceSetting(name, word string) string {
	return c.place(family{prefix: sourcePrefix}.begin(name), word)
}

// Setting is SourceSetting of the process.
func (c *Config) Setting(word string) string { return c.place(prefix, word) }

// EndpointSetting is SourceSetting of an endpoint.
func (c *Config) EndpointSetting(name, word string) string {
	return c.place(family{prefix: endpointPrefix}.begin(name), word)
}

func (c *Config) place(begin, word string) string {
	if end := strings.IndexAny(word, ".["); end > 0 {
		word = word[:end]
	}
	variable := begin + strings.ToUpper(word)
	if place, given := c.places[variable]; given {
		return place
	}
	return variable
}

// A Source is one configured intake, and how it was given.
type Source struct {
	receiver.Source
	ManagedBy    string // env or file
	SecretsSplit bool   // the secrets came as one text, which was taken apart at its spaces
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
	l.cfg.places = l.places()
	l.cfg.complete()
	l.cfg.SecretFiles = append(l.cfg.SecretFiles, l.cfg.keyFiles()...)
	checking{l}.check()
	if len(l.problems) > 0 {
		return nil, l.problems.Sorted()
	}
	return l.cfg, nil
}

// Alone reports that no other process uses the bus: what is not given (token, seal key,
// endpoint secrets) can be made and kept in the data folder.
func (c *Config) Alone() bool {
	k := c.Bus.Kind.of()
	return k.name == c.Bus.Kind && k.alone != nil && k.alone(c)
}

// Runs reports whether this process has a role.
func (c *Config) Runs(role string) bool { return slices.Contains(c.Roles, role) }

// MailsAlerts reports whether this process may be the one that mails alerts: one of those that
// deliver does it for all.
func (c *Config) MailsAlerts() bool { return !c.SMTP.URL.IsZero() && c.Runs(RoleDispatcher) }

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
	if c.Origin == "" {
		c.Origin = c.Namespace
	}
	if len(c.SealKey) > 0 { // unlike other secrets keys hold no space, so a line of a file may have several
		c.SealKey = strings.Fields(strings.Join(c.SealKey.Open(), " "))
	}
	if c.Stream == "" {
		c.Stream = defaultStream(c.Namespace)
	}
	if len(c.Topics) == 0 {
		c.Topics = setting.List{c.Bus.Kind.of().below(c.TopicPrefix)}
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		if s.Topic == "" {
			s.Topic = c.TopicPrefix + "." + s.Name
		}
		if s.DedupWindow == nil {
			window := min(receiver.DefaultDedupWindow, c.Retention)
			s.DedupWindow = &window
		}
	}
}

// defaultStream is where the events of a namespace lie on JetStream.
func defaultStream(namespace string) string {
	return strings.ToUpper(strings.ReplaceAll(namespace, "-", "_")) + "_EVENTS"
}

// keyFiles are the files that settings name and that hold a secret by their nature.
func (c *Config) keyFiles() (all []string) {
	for _, g := range c.groups() {
		for _, f := range setting.Of(g.into) {
			if path, _ := f.Value(g.into).(string); path != "" && f.Tag("file") == "secret" {
				all = append(all, path)
			}
		}
	}
	return all
}
