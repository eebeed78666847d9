package config

import (
	"fmt"
	"strings"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/topic"
)

// checkSource asks the receiver, and adds what it does not know.
func (l checking) checkSource(s *Source, at checked) {
	for _, fault := range s.Faults(l.cfg.Retention) {
		at(strings.ToUpper(fault.Field)).unless(false, fault.Message)
	}
	l.checkTopic(at("TOPIC"), s.Topic)
	at("TOPIC").unless(!l.reserved(s.Topic), "this topic is Hookspan's own; choose one such as "+l.cfg.TopicPrefix+"."+s.Name)
}

// checkEndpoint leaves to whoever registers endpoints what it would refuse of the API, too.
func (l checking) checkEndpoint(e *endpoint.Endpoint, at checked) {
	at("URL").unless(e.URL != "", "missing; give the address that its webhooks go to")
	wanted := endpoint.WantedSignature(e.Signature)
	at("SIGNATURE").unless(wanted == "", wanted)
	at("SECRETS").unless(len(e.Secrets) > 0 || l.cfg.Alone() || e.Signature == "none",
		"missing; the replicas of a cluster share no folder that one could be made and kept in. Give one: "+secretForm(e.Signature))
	for _, pattern := range e.Topics {
		at("TOPICS").unless(!l.cfg.Runs(RoleDispatcher) || topic.MeetsAny(pattern, l.cfg.Topics), fmt.Sprintf(
			"%s fits no topic that is followed (%sTOPICS=%s): it would never get an event; follow the topic too", pattern, prefix, strings.Join(l.cfg.Topics, ",")))
	}
}

// secretForm is how a secret of a signature is written.
func secretForm(scheme string) string {
	switch scheme {
	case "standard":
		return "whsec_ and the output of openssl rand -base64 32"
	case "standard-ed25519":
		return "whsk_ and an Ed25519 seed of 32 bytes in base64"
	}
	if strings.HasPrefix(scheme, "provider:") {
		return "the one that its receiver verifies with"
	}
	return "the output of openssl rand -hex 32"
}
