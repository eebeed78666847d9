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
	at("CLIENT_CA").unless(s.ClientCA == "" || l.cfg.TLS.Cert != "", "no certificate is ever shown where TLS does not end here: give "+prefix+"TLS_CERT and "+prefix+"TLS_KEY_FILE")
	at("CLIENT_NAMES").unless(len(s.ClientNames) == 0 || s.ClientCA != "", "nobody is asked for a certificate: give _CLIENT_CA, the file of its authorities")
	if s.ClientCA != "" {
		l.cfg.Files = append(l.cfg.Files, s.ClientCA)
	}
	at("TOPIC").unless(!l.reserved(s.Topic), "this topic is Hookspan's own; choose one such as "+l.cfg.Namespace+".events."+s.Name)
}

// checkEndpoint leaves to whoever registers endpoints what it would refuse of the API, too.
func (l checking) checkEndpoint(e *endpoint.Endpoint, at checked) {
	at("URL").unless(e.URL != "", "missing; give the address that its webhooks go to")
	wanted := endpoint.WantedSignature(e.Signature)
	at("SIGNATURE").unless(wanted == "", wanted)
	secret := endpoint.WantedSecret(e.Signature)
	at("SECRETS").unless(len(e.Secrets) > 0 || l.cfg.Alone() || secret == "",
		"missing; the replicas of a cluster share no folder that one could be made and kept in. Give one: "+secret)
	for _, pattern := range e.Topics {
		at("TOPICS").unless(!l.cfg.Runs(RoleDispatcher) || topic.MeetsAny(pattern, l.cfg.Topics), fmt.Sprintf(
			"%s fits no topic that is followed (%sTOPICS=%s): it would never get an event; follow the topic too", pattern, prefix, strings.Join(l.cfg.Topics, ",")))
	}
}
