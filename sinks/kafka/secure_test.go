//go:build brokers

package kafka_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/certtest"
	"github.com/hookspan/hookspan/sinks/kafka"
)

// TestSecured runs on a real broker of its own that asks for TLS and a login. That takes Java, so it
// is built with -tags brokers alone; a broker that cannot be had fails it.
func TestSecured(t *testing.T) {
	t.Parallel()
	b := newSecured(t)
	tokens := b.tokens(t)
	oauth := func(change func(*kafka.SASL)) *kafka.SASL {
		s := &kafka.SASL{Mechanism: "oauthbearer", TokenURL: tokens.URL, ClientID: "hookspan", ClientSecret: clientSecret, Scopes: []string{"kafka"}}
		if change != nil {
			change(s)
		}
		return s
	}
	login := func(mechanism, password string) *kafka.SASL {
		return &kafka.SASL{Mechanism: mechanism, User: "hookspan", Password: password}
	}
	t.Run("oauthbearer, the next token", func(t *testing.T) {
		b.replaced(t, oauth(func(s *kafka.SASL) { s.Scopes = []string{"first-expired"} }))
	})
	known, own := b.trusting(b.ca), b.trusting(b.ca, b.client)
	for name, c := range map[string]struct {
		listener string
		tls      *tls.Config
		sasl     *kafka.SASL
		says     string // nothing: it works
		waits    bool   // it may be well later
	}{
		"plain":                             {"secure", known, login("plain", b.password), "", false},
		"scram-sha-256":                     {"secure", known, login("scram-sha-256", b.password), "", false},
		"scram-sha-512":                     {"secure", known, login("scram-sha-512", b.password), "", false},
		"plain, without TLS":                {"sasl", nil, login("plain", b.password), "", false},
		"oauthbearer":                       {"secure", known, oauth(nil), "", false},
		"a client certificate":              {"mutual", own, nil, "", false},
		"plain, another password":           {"secure", known, login("plain", "not-the-password"), `SASL plain as "hookspan" was refused, check user and password`, false},
		"scram-sha-256, another password":   {"secure", known, login("scram-sha-256", "not-the-password"), `SASL scram-sha-256 as "hookspan" was refused, check user and password`, false},
		"scram-sha-512, another password":   {"secure", known, login("scram-sha-512", "not-the-password"), `SASL scram-sha-512 as "hookspan" was refused, check user and password`, false},
		"a mechanism that is not offered":   {"sasl", nil, oauth(nil), "do not offer this mechanism", false},
		"no login":                          {"secure", known, nil, "do the brokers want", true},
		"another authority":                 {"secure", b.trusting(b.other), login("plain", b.password), "check the authorities", true},
		"another name":                      {"secure", named(known, "kafka.example"), login("plain", b.password), "check the addresses", true},
		"no TLS":                            {"secure", nil, login("plain", b.password), "no TLS is set up", true},
		"no client certificate":             {"mutual", known, nil, "no client certificate is set up", true},
		"a certificate of another's":        {"mutual", b.trusting(b.ca, b.stranger), nil, "certificate", true},
		"oauthbearer, another secret":       {"secure", known, oauth(func(s *kafka.SASL) { s.ClientSecret = "not-the-secret" }), "check client id, client secret", false},
		"oauthbearer, a token that ran out": {"secure", known, oauth(func(s *kafka.SASL) { s.Scopes = []string{"expired"} }), "refused the token", false},
		"oauthbearer, for somebody else":    {"secure", known, oauth(func(s *kafka.SASL) { s.Scopes = []string{"elsewhere"} }), "refused the token", false},
		"oauthbearer, nobody hands out":     {"secure", known, oauth(func(s *kafka.SASL) { s.TokenURL = "http://127.0.0.1:1/token" }), "get a token", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := kafka.Options{Brokers: b.brokers(t, c.listener), TLS: c.tls, SASL: c.sasl, Intake: []string{shop}, Partitions: 1, Shards: 2}
			if c.says == "" {
				store := openStore(t, o)
				r := publish(t, store, name)[0]
				if m, err := store.Get(within(t), r.Partition, r.Position); err != nil || m.Event.ID != name {
					t.Errorf("get: %v", err)
				}
				return
			}
			store, err := kafka.Open(within(t), o)
			if err == nil {
				_ = store.Close()
				t.Fatal("it was opened")
			}
			if errors.Is(err, bus.ErrUnavailable) != c.waits || !strings.Contains(err.Error(), c.says) {
				t.Errorf("open: %v, want %q", err, c.says)
			}
			for _, secret := range []string{b.password, "not-the-", clientSecret, "eyJ"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("it tells a secret: %v", err)
				}
			}
		})
	}
}

// replaced: a token that a broker refuses is not used again.
func (b *secured) replaced(t *testing.T, login *kafka.SASL) {
	t.Parallel()
	o := kafka.Options{Brokers: b.brokers(t, "secure"), TLS: b.trusting(b.ca), SASL: login}
	base, err := o.Base()
	must(t, err)
	cl := client(t, o.Brokers, base...)
	if err := cl.Ping(within(t)); err == nil {
		t.Fatal("a token that ran out was taken")
	}
	await(t, "the next token", cl.Ping)
}

// named is a configuration that expects another name.
func named(c *tls.Config, name string) *tls.Config {
	c = c.Clone()
	c.ServerName = name
	return c
}

// trusting is a client that trusts an authority, and may have a certificate.
func (b *secured) trusting(ca *certtest.Authority, own ...tls.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Pool(), Certificates: own}
}

const clientSecret = "the-client's-secret"

// tokenFor answers as a token server does: the scope says what is wrong with the token.
func (b *secured) tokenFor(w http.ResponseWriter, r *http.Request) {
	if id, secret, _ := r.BasicAuth(); id != "hookspan" || secret != "the-client%27s-secret" {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
		return
	}
	audience, life := "kafka", time.Hour
	switch scope := r.FormValue("scope"); {
	case scope == "elsewhere":
		audience = "elsewhere"
	case scope == "expired", scope == "first-expired" && b.asked.Add(1) == 1:
		life = -time.Hour
	}
	b.grant(w, audience, life)
}
