package config_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

// load reads an environment that must be right.
func load(t *testing.T, environ ...string) *config.Config {
	t.Helper()
	c, err := config.Load(environ)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

// problems reads an environment that must be wrong.
func problems(t *testing.T, environ ...string) config.Problems {
	t.Helper()
	_, err := config.Load(environ)
	var found config.Problems
	if !errors.As(err, &found) {
		t.Fatalf("Load: want problems, got %v", err)
	}
	return found
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNothingSetIsTheDefaults(t *testing.T) {
	t.Parallel()
	c := load(t, "PATH=/bin")
	want := map[string]any{
		"listen": config.Address(":8080"), "admin": config.Address("127.0.0.1:8081"), "namespace": "hookspan",
		"bus": config.Bus{Kind: config.BusEmbedded}, "prefix": "hookspan.events", "stream": "HOOKSPAN_EVENTS",
		"topics": setting.List{"hookspan.events.>"}, "memory": setting.Size(256 << 20), "grace": 25 * time.Second,
		"sync": "group", "retention": 168 * time.Hour, "sources": 0, "warnings": 0,
	}
	got := map[string]any{
		"listen": c.Listen, "admin": c.AdminListen, "namespace": c.Namespace,
		"bus": c.Bus, "prefix": c.TopicPrefix, "stream": c.Stream,
		"topics": c.Topics, "memory": c.IntakeMemory, "grace": c.StopGrace,
		"sync": c.Embedded.Sync, "retention": c.Retention, "sources": len(c.Sources), "warnings": len(c.Warnings),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSourcesAndEndpointsOfTheEnvironment(t *testing.T) {
	t.Parallel()
	c := load(t,
		"HOOKSPAN_SOURCES=sticky,sticky-eu",
		"HOOKSPAN_SOURCE_STICKY_PROVIDER=sticky",
		"HOOKSPAN_SOURCE_STICKY_SECRETS=newest-phrase-of-two older-phrase-of-two",
		`HOOKSPAN_SOURCE_STICKY_OPTIONS=cipher=aes-256-cbc,note=a\,b=c`,
		"HOOKSPAN_SOURCE_STICKY_TOLERANCE=6h",
		"HOOKSPAN_SOURCE_STICKY_EU_PROVIDER=sticker",
		"HOOKSPAN_SOURCE_STICKY_EU_RATE=3000/m",
		"HOOKSPAN_ENDPOINTS=crm",
		"HOOKSPAN_ENDPOINT_CRM_URL=https://crm.example/hooks?tenant=7",
		"HOOKSPAN_ENDPOINT_CRM_EVENTS=com.sticker.*, io.sticky.product.*",
		"HOOKSPAN_ENDPOINT_CRM_HEADERS=X-Team: core\nX-Lists: a,b",
		"HOOKSPAN_ENDPOINT_CRM_RATE=50/s:20",
		"HOOKSPAN_ENDPOINT_CRM_JITTER=25%",
		"HOOKSPAN_ENDPOINT_CRM_SCHEDULE=10s,2m",
	)
	sticky, eu, crm := c.Sources[0], c.Sources[1], c.Endpoints[0]
	if sticky.Provider != "sticky" || eu.Provider != "sticker" {
		t.Fatalf("providers %q and %q: the longest name has to win", sticky.Provider, eu.Provider)
	}
	want := []any{
		[]string{"newest-phrase-of-two", "older-phrase-of-two"},
		setting.Options{"cipher": "aes-256-cbc", "note": "a,b=c"},
		6 * time.Hour, 72 * time.Hour, setting.Size(0), "hookspan.events.sticky-eu",
		setting.Rate{PerSecond: 50}, "env",
		setting.List{"com.sticker.*", "io.sticky.product.*"},
		setting.Headers{{Name: "X-Team", Value: "core"}, {Name: "X-Lists", Value: "a,b"}},
		setting.Rate{PerSecond: 50, Burst: 20}, setting.Share(0.25),
		setting.Durations{10 * time.Second, 2 * time.Minute}, true, endpoint.StartNow,
	}
	got := []any{
		sticky.Secrets.Open(), sticky.Options, *sticky.Tolerance, *sticky.DedupWindow, sticky.MaxBody, eu.Topic,
		eu.Rate, eu.ManagedBy, crm.Events, crm.Headers, crm.Rate, crm.Jitter, crm.Schedule.Waits(), crm.Active, crm.Start,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if eu.Tolerance != nil {
		t.Errorf("tolerance %v: want the provider's own rule when none is given", *eu.Tolerance)
	}
}

func TestFileHasTheSameWords(t *testing.T) {
	t.Parallel()
	phrases := write(t, "phrases", "first phrase\nsecond phrase\n")
	one := write(t, "one", "from a file, spaces and all\n")
	path := write(t, "hookspan.yaml", `
listen: :9090
log_level: debug
egress_allow: [127.0.0.0/8, 10.1.2.3]
sources:
  shop:
    provider: sticker
    secrets:
      - one secret with spaces
      - env:SHOP_SECRET
      - file:`+one+`
    max_body: 2MiB
    options: {a: "1,2", b: x=y}
  phrases:
    provider: sticky
    secrets: file:`+phrases+`
  bare:
    provider: hmac
    secrets: two words
endpoints:
  crm:
    url: https://crm.example/
    events: [com.sticker.*]
    headers: {X-One: "1", X-Two: "2"}
    schedule: [10s, 1m]
    signature: none
    active: false
`)
	c := load(t, "HOOKSPAN_CONFIG="+path, "SHOP_SECRET=of the environment",
		"HOOKSPAN_LOG_LEVEL=warn", "HOOKSPAN_SOURCE_SHOP_MAX_BODY=3MiB", "HOOKSPAN_LISTEN=")
	bare, other, shop := c.Sources[0], c.Sources[1], c.Sources[2]
	want := []any{
		config.Address(":9090"), "WARN",
		setting.Prefixes{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.1.2.3/32")},
		[]string{"one secret with spaces", "of the environment", "from a file, spaces and all"},
		setting.Size(3 << 20), setting.Options{"a": "1,2", "b": "x=y"}, "file",
		[]string{"first phrase", "second phrase"}, []string{"two", "words"},
		setting.Headers{{Name: "X-One", Value: "1"}, {Name: "X-Two", Value: "2"}},
		setting.Durations{10 * time.Second, time.Minute}, false,
		[]string{path, one, phrases},
	}
	got := []any{
		c.Listen, slog.Level(c.LogLevel).String(), c.EgressAllow, shop.Secrets.Open(), shop.MaxBody, shop.Options, shop.ManagedBy,
		other.Secrets.Open(), bare.Secrets.Open(),
		c.Endpoints[0].Headers, c.Endpoints[0].Schedule.Waits(), c.Endpoints[0].Active, c.Files,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
}

func TestSecretFilesOfTheEnvironment(t *testing.T) {
	t.Parallel()
	token := write(t, "token", "token of a file\n")
	secrets := write(t, "secrets", "phrase one\n\nphrase two\r\n")
	c := load(t, "HOOKSPAN_ADMIN_TOKEN_FILE="+token, "HOOKSPAN_SOURCES=a", "HOOKSPAN_SOURCE_A_PROVIDER=sticky",
		"HOOKSPAN_SOURCE_A_SECRETS_FILE="+secrets)
	if got := c.AdminToken.Open(); got != "token of a file" {
		t.Errorf("token %q", got)
	}
	if diff := cmp.Diff([]string{"phrase one", "phrase two"}, c.Sources[0].Secrets.Open()); diff != "" {
		t.Error(diff)
	}
}

func TestShorterRetentionShortensTheDefaultWindow(t *testing.T) {
	t.Parallel()
	c := load(t, "HOOKSPAN_RETENTION=24h", "HOOKSPAN_SOURCES=a", "HOOKSPAN_SOURCE_A_PROVIDER=sticker")
	if got := *c.Sources[0].DedupWindow; got != 24*time.Hour {
		t.Errorf("window %v, want the retention", got)
	}
}

func TestSettingsWithoutEffectAreWarnings(t *testing.T) {
	t.Parallel()
	c := load(t, "HOOKSPAN_NATS_DOMAIN=hub", "HOOKSPAN_SOURCES=a", "HOOKSPAN_SOURCE_A_PROVIDER=sticker", "HOOKSPAN_SOURCE_A_SECRETS=short")
	text := ""
	for _, w := range c.Warnings {
		text += w.Error() + "\n"
	}
	for _, want := range []string{"HOOKSPAN_NATS_DOMAIN: has no effect"} {
		if !strings.Contains(text, want) {
			t.Errorf("no warning %q in:\n%s", want, text)
		}
	}
}

// Seal keys are in base64, so a line of a file may hold the newer and the older one, as a Secret does.
func TestSealKeysMayShareALine(t *testing.T) {
	t.Parallel()
	const older = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
	for name, text := range map[string]string{"a line": sealKey + " " + older + "\n", "lines": sealKey + "\n" + older + "\n"} {
		file := filepath.Join(t.TempDir(), "seal-key")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load([]string{"HOOKSPAN_SEAL_KEY_FILE=" + file})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := c.SealKey.Open(); !slices.Equal(got, []string{sealKey, older}) {
			t.Errorf("%s: %d keys", name, len(got))
		}
	}
}
