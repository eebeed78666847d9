package config

import (
	"regexp"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/topic"
)

// Kafka is how to log in to a Kafka cluster and what to create there.
type Kafka struct {
	SASL              string         `env:"SASL" words:"plain scram-sha-256 scram-sha-512 oauthbearer" doc:"How to log in: plain, scram-sha-256, scram-sha-512 or oauthbearer."`
	User              string         `env:"USER" doc:"User."`
	Password          setting.Secret `env:"PASSWORD" doc:"Password."`
	OAuthTokenURL     string         `env:"OAUTH_TOKEN_URL" doc:"Where tokens are issued (client credentials)."`
	OAuthClientID     string         `env:"OAUTH_CLIENT_ID" doc:"Client id."`
	OAuthClientSecret setting.Secret `env:"OAUTH_CLIENT_SECRET" doc:"Client secret."`
	OAuthScopes       setting.List   `env:"OAUTH_SCOPES" doc:"Scopes."`
	Partitions        int            `env:"PARTITIONS" envDefault:"12" doc:"Partitions of the event topics that are created."`
}

func kafkaKind() kind {
	return kind{
		name: BusKafka, system: "kafka", forms: []string{"kafka://host:9092,…", "kafka+tls://…"}, schemes: map[string]bool{"kafka": false, "kafka+tls": true}, own: []string{"KAFKA_"}, perSource: true,
		check: checking.checkKafka, topic: kafkaTopic, pattern: kafkaTopics,
		copies: func(r report, n int) { r.unless(n < 1<<15, "want at most 32767") }, // as many as there are brokers
		below:  func(topicPrefix string) string { return "/^" + regexp.QuoteMeta(topicPrefix+".") + "/" },
	}
}

func (l checking) checkKafka() {
	k := l.cfg.Kafka
	l.process("KAFKA_PARTITIONS").unless(k.Partitions <= 10_000, "want at most 10000")
	oauth := map[string]bool{
		"KAFKA_OAUTH_TOKEN_URL": k.OAuthTokenURL != "", "KAFKA_OAUTH_CLIENT_ID": k.OAuthClientID != "",
		"KAFKA_OAUTH_CLIENT_SECRET": !k.OAuthClientSecret.IsZero(),
	}
	user := map[string]bool{"KAFKA_USER": k.User != "", "KAFKA_PASSWORD": !k.Password.IsZero()}
	switch {
	case l.unread("KAFKA_SASL"):
	case k.SASL == "":
		l.without(user, "needs "+prefix+"KAFKA_SASL, which says how to log in")
		l.without(oauth, "needs "+prefix+"KAFKA_SASL=oauthbearer")
	case k.SASL == "oauthbearer":
		l.within(oauth, "missing; oauthbearer needs a token URL, a client id and a client secret")
		l.without(user, "has no place in oauthbearer; remove it")
	default:
		l.within(user, "missing; "+k.SASL+" needs user and password")
		l.without(oauth, "has no place in "+k.SASL+"; remove it")
	}
	if k.OAuthTokenURL != "" {
		_, ok := validURL(k.OAuthTokenURL)
		l.process("KAFKA_OAUTH_TOKEN_URL").unless(ok, "want an http or https URL")
	}
	if l.cfg.Bus.Kind != BusKafka {
		return
	}
	if u, ok := validURL(k.OAuthTokenURL); ok && u.Scheme == "http" && !local(u.Hostname()) {
		l.process("KAFKA_OAUTH_TOKEN_URL").warning("http shows " + prefix + "KAFKA_OAUTH_CLIENT_SECRET and the tokens to whoever can listen; use https")
	}
	if (k.SASL == "plain" || k.SASL == "oauthbearer") && l.cfg.Bus.clear() {
		l.process("KAFKA_SASL").warning(k.SASL + " without TLS shows the credentials to whoever can listen; use kafka+tls://")
	}
	// whose session, four fifths of it, brokers take by default
	if l.cfg.Lease < 7500*time.Millisecond {
		l.process("LEASE").warning("less than 7.5s: brokers refuse the session that goes with it unless their group.min.session.timeout.ms is under the usual 6s")
	}
}

func kafkaTopic(r report, name string) {
	r.unless(validKafkaTopic(name), "want a Kafka topic's name: up to 249 of a-z, A-Z, 0-9, dot, _ and -")
}

// kafkaTopics are named, or a /regex/ names them.
func kafkaTopics(r report, pattern string) {
	if text, open := strings.CutPrefix(pattern, "/"); open {
		_, err := topic.Compile(pattern)
		r.unless(strings.TrimSuffix(text, "/") != text && len(text) > 1 && err == nil, `want a regular expression between slashes, such as /^shop\./; one with a comma goes into the file's list`)
		return
	}
	r.unless(validKafkaTopic(pattern), `want names of Kafka topics, or /regex/ such as /^shop\./`)
}

// validKafkaTopic is the broker's own rule (org.apache.kafka.common.internals.Topic).
func validKafkaTopic(topic string) bool {
	const legal = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return topic != "" && topic != "." && topic != ".." && len(topic) <= 249 && strings.Trim(topic, legal) == ""
}
