package config

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/topic"
)

func (l *loading) checkSource(s *Source, at checked) {
	at("PROVIDER").unless(s.Provider != "", "missing; hookspan provider list shows the names")
	secrets := l.sources.begin(s.Name) + "SECRETS"
	s.SecretsSplit = len(s.Secrets) > 1 && !strings.HasSuffix(l.sources.blocks[s.Name].values[secrets].text, setting.ItemEnd)
	l.checkTopic(at("TOPIC"), s.Topic)
	at("TOPIC").unless(!l.reserved(s.Topic), "this topic is Hookspan's own; choose one such as "+l.cfg.TopicPrefix+"."+s.Name)
	at("TYPE_PREFIX").unless(!strings.HasSuffix(s.TypePrefix, ".") && !strings.ContainsAny(s.TypePrefix, " \t\r\n"), "want it without the last dot and without spaces")
	if s.URI != "" {
		_, err := url.Parse(s.URI)
		at("URI").unless(err == nil && !strings.ContainsAny(s.URI, " \t\r\n"), "want a URI reference such as /shops/eu or https://shop.example")
	}
	if s.PublicURL != "" {
		u, ok := validURL(s.PublicURL)
		at("PUBLIC_URL").unless(ok && u.RawQuery == "", "want an http or https URL without query, credentials and fragment")
	}
	header, isHeader := strings.CutPrefix(s.DedupKey, "header:")
	at("DEDUP_KEY").unless(s.DedupKey == "provider" || s.DedupKey == "content" || s.DedupKey == "none" || isHeader && header != "" || strings.HasPrefix(s.DedupKey, "/"),
		"want provider, content, none, header:Name or a JSON pointer such as /order/id")
	at("DEDUP_WINDOW").unless(*s.DedupWindow <= l.cfg.Retention || l.cfg.Retention == 0,
		fmt.Sprintf("longer than %sRETENTION (%s): an id is remembered no longer than its event", prefix, l.cfg.Retention))
}

// checkEndpoint leaves to whoever registers endpoints what it would refuse of the API, too.
func (l *loading) checkEndpoint(e *endpoint.Endpoint, at checked) {
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
