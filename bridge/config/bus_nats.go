package config

import (
	"strings"

	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/topic"
)

// NATS is how to log in to a NATS cluster.
type NATS struct {
	Creds     string         `env:"CREDS" file:"secret" doc:"Credentials file (JWT and seed)."`
	NKeyFile  string         `env:"NKEY_FILE" file:"secret" doc:"Seed file of an NKey."`
	Token     setting.Secret `env:"TOKEN" doc:"Token."`
	User      string         `env:"USER" doc:"User."`
	Password  setting.Secret `env:"PASSWORD" doc:"Password."`
	Domain    string         `env:"DOMAIN" doc:"JetStream domain, such as that of a leaf node's hub."`
	APIPrefix string         `env:"API_PREFIX" doc:"JetStream API prefix, where another account exports it; instead of a domain."`
}

func natsKind() kind {
	return kind{
		name: BusNATS, system: "nats", forms: []string{"nats://host:4222,…", "tls://…"}, schemes: map[string]bool{"nats": false, "tls": true}, own: []string{"NATS_", "STREAM"}, check: checking.checkNATS,
		copies: copiesOfStreams, topic: subject, pattern: subjects, below: allSubjects,
	}
}

func (l checking) checkNATS() {
	n := l.cfg.NATS
	l.process("NATS_PASSWORD").unless((n.User == "") == n.Password.IsZero(), "user and password belong together: give both or none")
	var logins []string
	for _, login := range []struct {
		variable string
		given    bool
	}{
		{"NATS_CREDS", n.Creds != ""}, {"NATS_NKEY_FILE", n.NKeyFile != ""},
		{"NATS_TOKEN", !n.Token.IsZero()}, {"NATS_USER", n.User != ""},
	} {
		if login.given {
			logins = append(logins, prefix+login.variable)
		}
	}
	if len(logins) > 1 {
		l.problem(logins[1], "given together with "+logins[0]+": there is one way to log in, remove the others")
	}
	if l.cfg.Bus.Kind == BusNATS && l.cfg.Bus.clear() {
		for variable, given := range map[string]bool{"NATS_PASSWORD": !n.Password.IsZero(), "NATS_TOKEN": !n.Token.IsZero()} {
			if given {
				l.process(variable).warning("goes in clear beyond this machine unless each server insists on TLS; begin " + prefix + "BUS with tls://, or log in with " + prefix + "NATS_CREDS or _NATS_NKEY_FILE, of which no secret is sent")
			}
		}
	}
	l.process("NATS_DOMAIN").unless(n.Domain == "" || topic.Valid(n.Domain) && !strings.Contains(n.Domain, "."), "want one word, without dots, spaces and wildcards")
	l.process("NATS_API_PREFIX").unless(n.APIPrefix == "" || topic.Valid(strings.TrimSuffix(n.APIPrefix, ".")), "want words joined by dots, without spaces and wildcards")
	l.process("NATS_API_PREFIX").unless(n.Domain == "" || n.APIPrefix == "", "given together with "+prefix+"NATS_DOMAIN, which is a prefix by itself; remove one of the two")
}

// copiesOfStreams: JetStream takes up to five.
func copiesOfStreams(r report, n int) {
	const most = 5
	r.unless(n <= most, "want 1, 3 or 5: JetStream keeps at most five copies")
	if n > 0 && n%2 == 0 {
		r.warning("an even number of copies survives no more losses than one copy less")
	}
}

func subject(r report, name string) {
	r.unless(topic.Valid(name), "want words joined by dots, without spaces and wildcards")
	r.unless(!topic.MeetsAny(name+".>", serverSubjects()), "names subjects of the server itself; choose others than $JS, $JSC, $NRG and $SYS")
}

// serverSubjects are the server's own, which it lets no stream hold.
func serverSubjects() []string { return []string{"$JS.>", "$JSC.>", "$NRG.>", "$SYS.>"} }

func subjects(r report, pattern string) {
	r.unless(topic.ValidPattern(pattern), "want NATS patterns such as shop.> or orders.*.paid")
}

func allSubjects(topicPrefix string) string { return topicPrefix + ".>" }
