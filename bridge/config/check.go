package config

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/tenant"
	"github.com/hookspan/hookspan/bridge/topic"
)

// A checking holds what was loaded against what works.
type checking struct{ *loading }

// check finds what is wrong with values that could be read one by one.
func (l checking) check() {
	l.checkProcess()
	l.checkListeners()
	l.checkTopics()
	l.checkBus()
	l.checkMail()
	l.checkSealKey()
	for i := range l.cfg.Sources {
		s := &l.cfg.Sources[i]
		l.checkSource(s, l.at(l.sources, s.Name))
	}
	for i := range l.cfg.Endpoints {
		e := &l.cfg.Endpoints[i]
		l.checkEndpoint(e, l.at(l.endpoints, e.Name))
	}
}

// checked gives the report of a block's setting.
type checked func(variable string) report

// A report knows where the author of one setting finds it.
type report struct {
	*loading
	where string
}

// at reports settings of one source or endpoint.
func (l checking) at(f family, name string) checked {
	return func(variable string) report {
		return report{l.loading, f.blocks[name].where(f.begin(name) + variable)}
	}
}

// process reports settings of the process.
func (l checking) process(variable string) report {
	return report{l.loading, l.core.where(prefix + variable)}
}

// unread reports a setting of the process that was given and could not be read: nothing else is held
// against it, because it is not known.
func (l checking) unread(variable string) bool { return l.faulty(l.process(variable).where) }

func (r report) unless(ok bool, remedy string) {
	if !ok && !r.faulty(r.where) {
		r.problem(r.where, remedy)
	}
}

// warning is for what works and is worth a line in the log.
func (r report) warning(text string) {
	if !r.faulty(r.where) {
		r.warn(r.where, text)
	}
}

// shortToken is the length in bytes below which a token is worth a warning.
const shortToken = 16

func (l checking) checkProcess() {
	c := l.cfg
	l.process("NAMESPACE").unless(setting.ValidName(c.Namespace), "only a-z, 0-9 and - are allowed")
	l.process("ORIGIN").unless(validOrigin(c.Origin), "want a DNS name such as hooks.shop.example")
	l.process("ROLES").unless(len(c.Roles) > 0, "want at least one of receiver, dispatcher and admin")
	l.process("STREAM").unless(topic.Valid(c.Stream) && !strings.Contains(c.Stream, "."), "want one word without spaces, dots and wildcards")
	l.process("STREAM").unless(!topic.ReservedStream(c.Namespace, c.Stream), "this stream keeps something else; choose one such as "+defaultStream(c.Namespace))
	_, err := tenant.Parse(c.Tenant)
	l.process("TENANT").unless(err == nil, fmt.Sprint(err))
	l.process("MAX_CONNECTIONS").unless(c.MaxConnections >= 0, "want 1 or more")
	l.process("PUBLISH_TIMEOUT").unless(c.PublishTimeout > 0 && c.PublishTimeout <= 30*time.Second, "want more than 0 and at most 30s, because a request is answered within 40s")
	l.process("STOP_GRACE").unless(c.StopGrace >= time.Second, "want 1s or more: running attempts finish in that time, and what they did is written")
	l.process("LEASE").unless(c.Lease >= 2*time.Second && c.Lease <= 5*time.Minute, "want 2s to 5m: it is renewed three times in that time")
	if n := len(c.AdminToken.Open()); n > 0 && n < shortToken {
		l.process("ADMIN_TOKEN").warning(fmt.Sprintf("only %d bytes long, which can be guessed; take one of %d or more", n, shortToken))
	}
	if c.EgressProxy.Clear() {
		l.process("EGRESS_PROXY").warning("its login goes in clear beyond this machine; use https://")
	}
	if !c.Runs(RoleDispatcher) && c.Alone() {
		l.process("ROLES").warning("nobody delivers: no other process can take the role " + RoleDispatcher + " on a bus of its own")
	}
	room := receiver.BodyMemory(int64(c.IntakeMemory), slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Checks() }))
	for i := range c.Sources {
		s := &c.Sources[i]
		most := s.MaxBody
		if most == 0 {
			most = 1 << 20 // at the least; what its provider sends is asked for later
		}
		l.process("INTAKE_MEMORY").unless(int64(most) <= room,
			fmt.Sprintf("less than the largest body of source %s (%d bytes) in what it leaves bodies (%d)", s.Name, most, room))
	}
}

func (l checking) checkListeners() {
	c := l.cfg
	l.checkPorts()
	l.process("TLS_KEY_FILE").unless((c.TLS.Cert == "") == (c.TLS.KeyFile == ""), "certificate and key belong together: give both or none")
	l.process("ADMIN_TLS_KEY_FILE").unless((c.AdminTLS.Cert == "") == (c.AdminTLS.KeyFile == ""), "certificate and key belong together: give both or none")
	l.process("EMBEDDED_TLS_KEY_FILE").unless((c.EmbeddedTLS.Cert == "") == (c.EmbeddedTLS.KeyFile == ""), "certificate and key belong together: give both or none")
	for _, path := range []string{c.TLS.Cert, c.TLS.KeyFile, c.AdminTLS.Cert, c.AdminTLS.KeyFile, c.EmbeddedTLS.Cert, c.EmbeddedTLS.KeyFile} {
		if path != "" {
			c.Files = append(c.Files, path)
		}
	}
}

// checkPorts refuses two listeners at one place, of which the start would say that it is taken.
func (l checking) checkPorts() {
	c := l.cfg
	type listener struct {
		variable string
		address  Address
	}
	var all []listener
	if c.Runs(RoleReceiver) {
		all = append(all, listener{"LISTEN", c.Listen})
	}
	all = append(all, listener{"ADMIN_LISTEN", c.AdminListen})
	if c.Bus.Kind == BusEmbedded {
		all = append(all, listener{"EMBEDDED_LISTEN", c.Embedded.Listen})
	}
	if c.Bus.Kind == BusEmbedded && !c.Alone() {
		all = append(all, listener{"EMBEDDED_ROUTES_LISTEN", c.Embedded.RoutesListen})
	}
	for i, one := range all {
		for _, before := range all[:i] {
			l.process(one.variable).unless(!one.address.meets(before.address),
				"the port is that of "+prefix+before.variable+"; every listener has one of its own")
		}
	}
}

// checkSealKey wants AES-256 keys: 32 bytes each.
func (l checking) checkSealKey() {
	for _, key := range l.cfg.SealKey.Open() {
		raw, err := base64.StdEncoding.DecodeString(key)
		l.process("SEAL_KEY").unless(err == nil && len(raw) == 32, "want 32 bytes in base64, as from: openssl rand -base64 32")
	}
}

// validOrigin takes names of hosts, as they stand in a header.
func validOrigin(name string) bool {
	return len(name) <= 253 && strings.Trim(name, ".-") == name && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// validURL takes absolute http and https URLs without credentials and fragment.
func validURL(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, false
	}
	return u, true
}
