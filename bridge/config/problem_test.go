package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/config"
)

func TestProblemsNameVariableAndRemedy(t *testing.T) {
	t.Parallel()
	source := []string{"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker"}
	endpoint := []string{"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=https://crm.example"}
	for name, c := range map[string]struct {
		with    []string
		environ []string
		want    string
	}{
		"unknown variable":        {nil, []string{"HOOKSPAN_LISTNE=:1"}, "HOOKSPAN_LISTNE: unknown variable; did you mean HOOKSPAN_LISTEN?"},
		"unknown in a block":      {source, []string{"HOOKSPAN_SOURCE_SHOP_SECRET=x"}, "did you mean HOOKSPAN_SOURCE_SHOP_SECRETS?"},
		"name that is not listed": {nil, []string{"HOOKSPAN_SOURCE_SHOP_PROVIDER=x"}, `no source has a name that "SHOP_PROVIDER" begins with; add its name to HOOKSPAN_SOURCES`},
		"name":                    {nil, []string{"HOOKSPAN_SOURCES=My_Shop"}, `HOOKSPAN_SOURCES: name "My_Shop": only a-z, 0-9 and - are allowed`},
		"name twice":              {source, []string{"HOOKSPAN_SOURCES=shop,shop"}, `name "shop" is listed twice`},
		"no provider":             {nil, []string{"HOOKSPAN_SOURCES=shop"}, "HOOKSPAN_SOURCE_SHOP_PROVIDER: missing"},
		"duration":                {nil, []string{"HOOKSPAN_LEASE=ten"}, "HOOKSPAN_LEASE: want a duration such as"},
		"size":                    {source, []string{"HOOKSPAN_SOURCE_SHOP_MAX_BODY=1 mega"}, "HOOKSPAN_SOURCE_SHOP_MAX_BODY: want a positive size such as"},
		"huge size":               {nil, []string{"HOOKSPAN_INTAKE_MEMORY=9999999999TiB"}, "HOOKSPAN_INTAKE_MEMORY: want a positive size"},
		"rate":                    {endpoint, []string{"HOOKSPAN_ENDPOINT_CRM_RATE=50"}, "HOOKSPAN_ENDPOINT_CRM_RATE: a rate looks like 50/s"},
		"burst":                   {endpoint, []string{"HOOKSPAN_ENDPOINT_CRM_RATE=50/s:0"}, "HOOKSPAN_ENDPOINT_CRM_RATE: has a burst that is not between 1 and 1000000"},
		"share":                   {endpoint, []string{"HOOKSPAN_ENDPOINT_CRM_JITTER=0.1"}, "a share between 0% and 100%"},
		"boolean":                 {endpoint, []string{"HOOKSPAN_ENDPOINT_CRM_ACTIVE=yes"}, "want true or false"},
		"start":                   {endpoint, []string{"HOOKSPAN_ENDPOINT_CRM_START=yesterday"}, "want now, all or a time such as"},
		"schedule":                {endpoint, []string{"HOOKSPAN_ENDPOINT_CRM_SCHEDULE=1m,0s"}, "want positive durations"},
		"signature":               {endpoint, []string{"HOOKSPAN_ENDPOINT_CRM_SIGNATURE=md5"}, "HOOKSPAN_ENDPOINT_CRM_SIGNATURE: want "},
		"secret that is needed":   {endpoint, []string{"HOOKSPAN_BUS=nats://h:4222", "HOOKSPAN_ENDPOINT_CRM_SIGNATURE=hmac"}, "HOOKSPAN_ENDPOINT_CRM_SECRETS: missing"},
		"header":                  {endpoint, []string{"HOOKSPAN_ENDPOINT_CRM_HEADERS=nothing"}, "want Name: value, one per line"},
		"option":                  {source, []string{"HOOKSPAN_SOURCE_SHOP_OPTIONS=lonely"}, "want key=value"},
		"range":                   {nil, []string{"HOOKSPAN_EGRESS_ALLOW=10.0.0.0/99"}, "want address ranges such as"},
		"host":                    {nil, []string{"HOOKSPAN_EGRESS_HOSTS=crm.example:8080"}, "want names of hosts such as"},
		"address for a host":      {nil, []string{"HOOKSPAN_EGRESS_HOSTS=10.0.0.1"}, "addresses go into HOOKSPAN_EGRESS_ALLOW"},
		"address":                 {nil, []string{"HOOKSPAN_LISTEN=8080"}, "HOOKSPAN_LISTEN: want host:port"},
		"one listener":            {nil, []string{"HOOKSPAN_LISTEN=:9", "HOOKSPAN_ADMIN_LISTEN=:9"}, "HOOKSPAN_ADMIN_LISTEN: the port is that of HOOKSPAN_LISTEN"},
		"one port everywhere":     {nil, []string{"HOOKSPAN_LISTEN=:9", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:9"}, "HOOKSPAN_ADMIN_LISTEN: the port is that of HOOKSPAN_LISTEN"},
		"one port with the bus":   {nil, []string{"HOOKSPAN_LISTEN=localhost:9", "HOOKSPAN_EMBEDDED_LISTEN=127.0.0.1:9"}, "HOOKSPAN_EMBEDDED_LISTEN: the port is that of HOOKSPAN_LISTEN"},
		"no role":                 {nil, []string{"HOOKSPAN_ROLES=,"}, "HOOKSPAN_ROLES: want at least one"},
		"tls in halves":           {nil, []string{"HOOKSPAN_TLS_CERT=a.pem"}, "HOOKSPAN_TLS_KEY_FILE: certificate and key belong together"},
		"bus":                     {nil, []string{"HOOKSPAN_BUS=redis://h1"}, "HOOKSPAN_BUS: want embedded, nats://"},
		"role":                    {nil, []string{"HOOKSPAN_ROLES=receiver,sender"}, "HOOKSPAN_ROLES: want receiver, dispatcher or admin"},
		"open port":               {nil, []string{"HOOKSPAN_EMBEDDED_LISTEN=:4222"}, "only a loopback address may be open without HOOKSPAN_EMBEDDED_USER"},
		"window":                  {source, []string{"HOOKSPAN_SOURCE_SHOP_DEDUP_WINDOW=200h"}, "longer than HOOKSPAN_RETENTION (168h)"},
		"topic that is not followed": {endpoint, []string{"HOOKSPAN_ENDPOINT_CRM_TOPICS=hookspan.events.>,hookspan.ops"},
			"HOOKSPAN_ENDPOINT_CRM_TOPICS: hookspan.ops fits no topic that is followed (HOOKSPAN_TOPICS=hookspan.events.>)"},
		"topic of ours": {source, []string{"HOOKSPAN_SOURCE_SHOP_TOPIC=hookspan.state.x"}, "this topic is Hookspan's own"},
		"topic of strangers": {source, []string{"HOOKSPAN_SOURCE_SHOP_TOPIC=hookspan.unverified"},
			"HOOKSPAN_SOURCE_SHOP_TOPIC: this topic is Hookspan's own; choose one such as hookspan.events.shop"},
		"below it":           {source, []string{"HOOKSPAN_SOURCE_SHOP_TOPIC=hookspan.unverified.shop"}, "HOOKSPAN_SOURCE_SHOP_TOPIC: this topic is Hookspan's own"},
		"stream of ours":     {nil, []string{"HOOKSPAN_STREAM=HOOKSPAN_STATE"}, "HOOKSPAN_STREAM: this stream keeps something else; choose one such as HOOKSPAN_EVENTS"},
		"stream of a bucket": {nil, []string{"HOOKSPAN_STREAM=KV_HOOKSPAN_LEASES"}, "HOOKSPAN_STREAM: this stream keeps something else"},
		"prefix of all":      {nil, []string{"HOOKSPAN_TOPIC_PREFIX=hookspan"}, "HOOKSPAN_TOPIC_PREFIX: all that Hookspan keeps is below this topic; choose one such as hookspan.events"},
		"prefix of ours":     {nil, []string{"HOOKSPAN_TOPIC_PREFIX=hookspan.unverified"}, "HOOKSPAN_TOPIC_PREFIX: this topic is Hookspan's own; choose one such as hookspan.events"},
		"prefix below one":   {nil, []string{"HOOKSPAN_TOPIC_PREFIX=hookspan.dead.x"}, "HOOKSPAN_TOPIC_PREFIX: this topic is Hookspan's own"},
		"memory of checks":   {source, []string{"HOOKSPAN_INTAKE_MEMORY=1300kB", "HOOKSPAN_SOURCE_SHOP_SCHEMA=warn"}, "in what it leaves bodies (975000)"},
		"memory":             {source, []string{"HOOKSPAN_INTAKE_MEMORY=1kB"}, "less than the largest body of source shop"},
		"seal key":           {nil, []string{"HOOKSPAN_SEAL_KEY=bm90IDMyIGJ5dGVz"}, "HOOKSPAN_SEAL_KEY: want 32 bytes in base64"},
		"empty secret":       {source, []string{"HOOKSPAN_SOURCE_SHOP_SECRETS="}, "HOOKSPAN_SOURCE_SHOP_SECRETS: an empty secret"},
		"no such file":       {nil, []string{"HOOKSPAN_ADMIN_TOKEN_FILE=/nowhere/token"}, "HOOKSPAN_ADMIN_TOKEN_FILE: read the file"},
		"secret and file":    {nil, []string{"HOOKSPAN_ADMIN_TOKEN=a", "HOOKSPAN_ADMIN_TOKEN_FILE=/b"}, "HOOKSPAN_ADMIN_TOKEN_FILE: given together with HOOKSPAN_ADMIN_TOKEN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := problems(t, append(append([]string{}, c.with...), c.environ...)...)
			if !strings.Contains(found.Error(), c.want) {
				t.Errorf("want %q in:\n%v", c.want, found)
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	found := problems(t, "HOOKSPAN_LEASE=x", "HOOKSPAN_INTAKE_MEMORY=y", "HOOKSPAN_NOWHERE=z", "HOOKSPAN_ENDPOINTS=a", "HOOKSPAN_ENDPOINT_A_TIMEOUT=w")
	if len(found) != 5 { // the endpoint has no URL either
		t.Errorf("want 5 problems, got:\n%v", found)
	}
}

func TestProblemsOfTheFileNameTheLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ yaml, want string }{
		"unknown key":      {"listne: :1", "hookspan.yaml:1 listne: unknown key; did you mean listen?"},
		"unknown in block": {"sources:\n  shop:\n    provider: x\n    secretz: y", ":4 sources.shop.secretz: unknown key; did you mean secrets?"},
		"value":            {"endpoints:\n  crm:\n    url: https://x\n    timeout: soon", ":4 endpoints.crm.timeout: want a duration"},
		"list for one":     {"listen: [a, b]", ":1 listen: want one value"},
		"nested":           {"topics: {a: b}", ":1 topics: want one value or a list of values"},
		"name":             {"sources:\n  My Shop: {provider: x}", `:2 sources.My Shop: name "My Shop"`},
		"empty secret":     {"sources:\n  shop: {provider: x, secrets: []}", "an empty secret"},
		"null secret":      {"admin_token:", ":1 admin_token: an empty secret"},
		"reference":        {"admin_token: env:NOT_THERE", "the variable NOT_THERE that it refers to is not set"},
		"twice":            {"listen: :1\nlisten: :2", "already defined"},
		"alias":            {"a: &x 1\nlisten: *x", "listen: want one value"},
		"not a map":        {"- a", "want keys with values"},
		"config in config": {"config: other.yaml", "unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := problems(t, "HOOKSPAN_CONFIG="+write(t, "hookspan.yaml", c.yaml))
			if !strings.Contains(found.Error(), c.want) {
				t.Errorf("want %q in:\n%v", c.want, found)
			}
		})
	}
}

func TestForeignVariablesAreNoFault(t *testing.T) {
	t.Parallel()
	load(t, "HOOKSPAN_SERVICE_HOST=10.0.0.1", "HOOKSPAN_SERVICE_PORT_HTTP=80", "HOOKSPAN_PORT=tcp://10.0.0.1:80",
		"HOOKSPAN_PORT_80_TCP=x", "HOOKSPAN_SERVER=http://127.0.0.1:8081")
}

const needle = "n33dle-never-to-be-seen"

func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	c := load(t, "HOOKSPAN_ADMIN_TOKEN="+needle, "HOOKSPAN_SOURCES=a", "HOOKSPAN_SOURCE_A_PROVIDER=sticky", "HOOKSPAN_SOURCE_A_SECRETS="+needle)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(format, c); strings.Contains(text, needle) || strings.Contains(text, fmt.Sprintf("%x", needle)) {
			t.Errorf("%s shows a secret", format)
		}
		if text := fmt.Sprintf(format, c.Sources[0].Secrets); !strings.Contains(text, "***") {
			t.Errorf("%s of secrets: %s", format, text)
		}
	}
}

func TestProblemsShowNoSecret(t *testing.T) {
	t.Parallel()
	file := write(t, "hookspan.yaml", "sources:\n  b:\n    secrets: ["+needle+", {"+needle+": x}]\n    unclosed: [")
	for _, environ := range [][]string{
		{"HOOKSPAN_SEAL_KEY=" + needle},
		{"HOOKSPAN_CONFIG=" + file},
		{"HOOKSPAN_BUS=nats://user:" + needle + "@h:4222"},
		{"HOOKSPAN_ENDPOINTS=e", "HOOKSPAN_ENDPOINT_E_URL=https://user:" + needle + "@h", "HOOKSPAN_ENDPOINT_E_HEADERS=" + needle, "HOOKSPAN_ENDPOINT_E_OPTIONS=" + needle},
		{"HOOKSPAN_ADMIN_TOKEN=" + needle, "HOOKSPAN_ADMIN_TOKEN_FILE=/x"},
	} {
		if text := problems(t, environ...).Error(); strings.Contains(text, needle) {
			t.Errorf("shows a secret: %s", text)
		}
	}
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"listen: :1", "sources: {a: {provider: x, secrets: [a, env:B]}}", "endpoints:\n  e:\n    headers: {A: b}\n",
		"a: &x [*x]", "? [a]\n: b", "<<: {a: b}", "--- a\n--- b", "sources: ~", "topics: |\n  a\n  b", "options: !!binary x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, yaml string) {
		c, err := config.Load([]string{"HOOKSPAN_CONFIG=" + write(t, "hookspan.yaml", yaml)})
		if (c == nil) == (err == nil) {
			t.Errorf("config %v, error %v: want exactly one", c, err)
		}
	})
}

func FuzzEndpoint(f *testing.F) {
	f.Add("50/s:20", `a=b\,c`, "X: y", "1m,5m", "10%")
	f.Add("1e309/s", `\`, "\x00", ",", "1e3%")
	f.Fuzz(func(t *testing.T, rate, options, headers, schedule, jitter string) {
		c, err := config.Load([]string{
			"HOOKSPAN_ENDPOINTS=e", "HOOKSPAN_ENDPOINT_E_URL=https://x.example", "HOOKSPAN_ENDPOINT_E_RATE=" + rate,
			"HOOKSPAN_ENDPOINT_E_OPTIONS=" + options, "HOOKSPAN_ENDPOINT_E_HEADERS=" + headers,
			"HOOKSPAN_ENDPOINT_E_SCHEDULE=" + schedule, "HOOKSPAN_ENDPOINT_E_JITTER=" + jitter,
		})
		if err != nil {
			return
		}
		e := c.Endpoints[0]
		if e.Rate.PerSecond < 0 || e.Jitter < 0 || e.Jitter > 1 {
			t.Errorf("out of range: %+v", e)
		}
	})
}

// A setting that was given and cannot be read is told of, and not that another one lacks it.
func TestWhatCannotBeReadIsToldOnce(t *testing.T) {
	t.Parallel()
	const missing, nats, kafka = "/no/such/file", "HOOKSPAN_BUS=nats://127.0.0.1:4222", "HOOKSPAN_BUS=kafka+tls://127.0.0.1:9092"
	for where, environ := range map[string][]string{
		"HOOKSPAN_NATS_PASSWORD_FILE":             {nats, "HOOKSPAN_NATS_USER=shop"},
		"HOOKSPAN_KAFKA_PASSWORD_FILE":            {kafka, "HOOKSPAN_KAFKA_SASL=plain", "HOOKSPAN_KAFKA_USER=shop"},
		"HOOKSPAN_KAFKA_OAUTH_CLIENT_SECRET_FILE": {kafka, "HOOKSPAN_KAFKA_SASL=oauthbearer", "HOOKSPAN_KAFKA_OAUTH_CLIENT_ID=shop", "HOOKSPAN_KAFKA_OAUTH_TOKEN_URL=https://id.example"},
		"HOOKSPAN_KAFKA_SASL":                     {kafka, "HOOKSPAN_KAFKA_USER=shop", "HOOKSPAN_KAFKA_PASSWORD=secret"},
		"HOOKSPAN_EMBEDDED_PASSWORD_FILE":         {"HOOKSPAN_EMBEDDED_LISTEN=127.0.0.1:4222", "HOOKSPAN_EMBEDDED_USER=shop"},
		"HOOKSPAN_SMTP_PASSWORD_FILE":             {"HOOKSPAN_SMTP_URL=smtp://shop@mail.example", "HOOKSPAN_ALERT_FROM=hooks@shop.example"},
		"HOOKSPAN_SMTP_URL":                       {"HOOKSPAN_ALERT_FROM=hooks@shop.example", "HOOKSPAN_ALERT_TO=ops@shop.example", "HOOKSPAN_SMTP_PASSWORD=secret"},
	} {
		if found := problems(t, append(environ, "HOOKSPAN_ADMIN_TOKEN=secret", "HOOKSPAN_SEAL_KEY="+sealKey, where+"="+missing)...); len(found) != 1 || found[0].Where != where {
			t.Errorf("%s: %v", where, found)
		}
	}
}
