package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/signature"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// verdict is what a start would say of a configuration.
func verdict(ctx context.Context, environ ...string) error {
	c, err := config.Load(environ)
	if err != nil {
		return err
	}
	sender := webhook.New(webhook.Options{})
	defer sender.Close()
	if problems := app.Check(ctx, c, sender.CheckEndpoint); len(problems) > 0 {
		return problems
	}
	return nil
}

// byVariables writes a block as variables: lists with commas, maps as pairs.
func byVariables(begin string, block map[string]any) []string {
	var environ []string
	for word, v := range block {
		text := fmt.Sprint(v)
		switch v := v.(type) {
		case []any:
			var items []string
			for _, item := range v {
				items = append(items, fmt.Sprint(item))
			}
			if text = strings.Join(items, ","); len(items) == 0 {
				text = "," // a variable without any text is one that is not set
			}
		case map[string]any:
			joint := map[bool]string{true: ": ", false: "="}[word == "headers"]
			var pairs []string
			for key, value := range v {
				pairs = append(pairs, key+joint+fmt.Sprint(value))
			}
			text = strings.Join(pairs, ",")
		}
		if f, ok := endpoint.Fields().Find(word); ok && f.Kind == setting.KindObject {
			asJSON, _ := json.Marshal(v) // what tests give always marshals
			text = string(asJSON)
		}
		environ = append(environ, begin+strings.ToUpper(word)+"="+text)
	}
	return environ
}

// byFile writes a block into a file; JSON is YAML.
func byFile(t *testing.T, sort, name string, block map[string]any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{sort: map[string]any{name: block}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hookspan.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return "HOOKSPAN_CONFIG=" + path
}

// oddly are values of an endpoint's settings: which of them are right is for one place to say.
var oddly = map[string][]any{
	"schedule": {[]any{}, []any{"1m"}, []any{"0s"}, []any{"-1m"}, []any{"1m", "x"}, []any{" 1m "}, []any{"1d"}, []any{60}, "1m,5m", "1m,,5m", "5", ",",
		"exponential(1m, 2, 6h, 10)", "linear(1m,5m,1h,12)", "linear(1m,5m,1h)", "exponential(1m, 0.5, 6h, 10)", "exponential(1m, 2, 6h, 10),1m", []any{"linear(1m,5m,1h,12)"}, "fibonacci(1m)", "linear(1m,5m,1h,5000)", " "},
	"jitter":        {"0", "0%", "0.0", "10%", "100%", "101%", "-1%", "10", "0.1", "NaN%", "Inf%", " 5% ", "5 %", "%", 0, 10},
	"timeout":       {"30s", "0", "0s", "1h", "1h1s", "-5s", "soon", " 1s ", "1e3s", 30, 0},
	"rate":          {"50/s", "0/s", "1e3/s", "50/s:20", "50/s:0", "50/s:1000001", "2000000/s", "50", "50/d", "-5/s", " 50/s ", "50 / s", "1.5/h", "50/s:", "Inf/s", 50},
	"concurrency":   {1, 0, -1, 1000, 1001, 5000, 1.5, "1000", "1001", " 16 "},
	"disable_after": {"0", "0s", "120h", "-1h", "x", 0, 7},
	"success_on":    {[]any{200, "202-204"}, "200-299, 304", "199", "2xx", "299-200", "200-1000", ",", []any{"200-299", "500"}},
	"give_up_on":    {[]any{400, "404", "500-599"}, "410", "200", "404,299", []any{}, "400 404"},
	"active":        {true, false, "yes", 1},
	"start":         {"now", "all", "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "yesterday", "2020-01-01"},
	"signature":     {"none", "md5", "standard", "sticker", "provider:github", "provider:twilio", "provider:nobody", "github"},
	"content":       {"binary", "structured", "batch", "data", "xml", "BINARY"},
	"events":        {[]any{}, []any{"*"}, []any{"a b"}, []any{"a.*", "b"}, "a,b", "a,,b", ",", []any{strings.Repeat("a", 3000)}},
	"topics":        {[]any{}, []any{"hookspan.events.>"}, []any{"a b"}, []any{">.a"}, ","},
	"filters": {
		[]any{}, "x", map[string]any{"sql": "TRUE"}, []any{map[string]any{"exact": map[string]any{"type": "a"}}}, []any{map[string]any{"sql": "type ="}},
		[]any{map[string]any{"sql": "EXISTS subject"}, map[string]any{"not": map[string]any{"prefix": map[string]any{"subject": "eu/"}}}},
		[]any{map[string]any{"jq": ".data"}}, []any{map[string]any{"jq": ".data."}}, []any{map[string]any{"jq": 5}}, []any{map[string]any{"xpath": "x"}}, []any{map[string]any{"exact": map[string]any{"priority": 5}}}, []any{"x"},
	},
	"transform": {".data", ".data.", "{body: .data, path: .attributes.id}", "now", "", " ", strings.Repeat(".", 20000)},
	"headers":   {map[string]any{"X-A": "b"}, map[string]any{"Host": "x"}, map[string]any{"X A": "b"}, map[string]any{"Webhook-Id": "1"}, map[string]any{"X-A": "a\x01"}, map[string]any{"X-A": 5, "X-B": true}},
	"options":   {map[string]any{"batch_size": 5}, map[string]any{"batch_size": 0}, map[string]any{"batch_size": true}, map[string]any{"batch_size": map[string]any{}}, map[string]any{"batch_size": "0"}, map[string]any{"batch_size": "5"}, map[string]any{"batch_wait": "2m"}, map[string]any{"bogus": "x"}, map[string]any{"encrypt": "x"}},
	"url": {
		"https://1.1.1.1/", "ftp://1.1.1.1", "https://user:pw@1.1.1.1/", "https://1.1.1.1/#f", "http://127.0.0.1/", "https://1.1.1.1:0/",
		"https://1.1.1.1:70000/", "nonsense", "https://", "https://169.254.169.254/", "HTTPS://1.1.1.1/", "https://1.1.1.1/a b", " https://1.1.1.1/",
	},
	"secrets": {[]any{"whsec_" + strings.Repeat("A", 32)}, []any{"short"}, "short"},
	"proxy": {
		"", "none", "https://1.1.1.1", "https://me:canary@1.1.1.1", "https://***@1.1.1.1", "https://me:a%0ab@1.1.1.1", "ftp://1.1.1.1", "socks5://1.1.1.1/x", "NONE", "https://1.1.1.1:0",
	},
	"encrypt_secret": {"a key without a cipher"},
	"auth": {
		map[string]any{}, "x", map[string]any{"bearer": "x"}, map[string]any{"bearer": "x y"}, map[string]any{"digest": "x"},
		map[string]any{"basic": map[string]any{"username": "u", "password": "p"}}, map[string]any{"basic": map[string]any{"username": "u"}},
		map[string]any{"basic": map[string]any{"username": "u", "password": "p"}, "bearer": "x"}, grantOf("https://1.1.1.1/token"), grantOf("https://169.254.169.254/token"),
		grantOf("http://127.0.0.1/token"), grantOf("https://me:x@1.1.1.1/"),
	},
	"tls": {map[string]any{}, "x", map[string]any{"server_name": "a.example"}, map[string]any{"server_name": "a:1"}, map[string]any{"ca": "x"}, map[string]any{"pin": "x"}},
}

func grantOf(tokenURL string) map[string]any {
	return map[string]any{"oauth2": map[string]any{"token_url": tokenURL, "client_id": "i", "client_secret": "s", "scopes": []any{"a"}}}
}

// anyOf are values that a setting of its kind may be given, whatever it means.
func anyOf(f setting.Field) []any {
	values := map[setting.Kind][]any{
		setting.KindText:     {"x", "a b", 5, true},
		setting.KindBoolean:  {true, false, "maybe", "true", "false", 1},
		setting.KindNumber:   {1, 2, -1, 1.5, "x", "16", "-1", "1.5", true},
		setting.KindDuration: {"1s", "1m30s", "-1s", "1 s", "x", 5},
		setting.KindShare:    {"1%", "200%", "x"},
		setting.KindSize:     {"1KiB", "x", -1},
		setting.KindRate:     {"1/s", "1/m:2", "x"},
		setting.KindList:     {[]any{}, []any{"x", "y"}, "x,y", 5, []any{5, true}},
		setting.KindHeaders:  {map[string]any{"X-A": "b"}},
		setting.KindOptions:  {map[string]any{}},

		setting.KindQuota:      {"1/s", "10/h", "10/d", "1/m:2", "0/h", "x", 5},
		setting.KindNumbers:    {[]any{}, []any{200, "404"}, 404, "x", "200-299,404"},
		setting.KindListOrText: {[]any{}, []any{"x", "y"}, "x,y", "x(y)"},
	}[f.Kind]
	for _, w := range f.Words {
		values = append(values, w)
	}
	return append(values, "")
}

// What the environment, the file and the API say of an endpoint is one and the same.
func TestEveryDoorJudgesEndpointsAlike(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.until(http.StatusOK, "ready")
	for _, f := range endpoint.Fields() {
		word := f.Word
		for i, v := range append(anyOf(f), oddly[word]...) {
			block := map[string]any{"url": "https://1.1.1.1/", "signature": "none", "active": false, word: v}
			if word == "secrets" {
				block["signature"] = "standard"
			}
			env := verdict(t.Context(), append(byVariables("HOOKSPAN_ENDPOINT_X_", block), "HOOKSPAN_ENDPOINTS=x")...)
			file := verdict(t.Context(), byFile(t, "endpoints", "x", block))
			block["name"] = fmt.Sprintf("%s-%d", strings.ReplaceAll(word, "_", "-"), i)
			body, err := json.Marshal(block)
			if err != nil {
				t.Fatal(err)
			}
			status, answer := s.register(string(body))
			if status != http.StatusCreated && status != http.StatusUnprocessableEntity {
				t.Errorf("%s %#v: the API answers %d %s", word, v, status, answer)
			}
			if v != any("") && (env == nil) != (file == nil) || (file == nil) != (status == http.StatusCreated) { // a variable that is empty is not set
				t.Errorf("%s %#v:\n environment: %v\n file: %v\n API: %d %s", word, v, env, file, status, answer)
			}
		}
	}
}

func TestBothDoorsJudgeSourcesAlike(t *testing.T) {
	t.Parallel()
	oddly := map[string][]any{
		"provider":     {"nope", "Sticker", "sticker"},
		"secrets":      {"", " ", []any{"a secret with spaces"}},
		"uri":          {"/shops/eu", "https://shop.example", "a b", "%zz", "http://[bad", "/\u0085", "/\ufffe"},
		"topic":        {"hookspan.events.shop", "orders", "a b", "a.*", "hookspan.state.x"},
		"type_prefix":  {"com.shop", "com.shop.", "a b", "a\u0085b", "a\uffffb"},
		"public_url":   {"https://shop.example/hooks", "https://shop.example/?a=b", "shop.example", "https://u:p@shop.example"},
		"content":      {"binary", "structured", "batch"},
		"tolerance":    {"0", 0, "5m", "-5m", "soon"},
		"dedup_window": {"0", 0, "0s", "72h", "169h", "-1h", "1m"},
		"max_body":     {"0", "1MiB", "1", "3GiB", "300MiB", "-1", "1.5MiB"},
		"rate":         {"50/s", "0/s", "1e3/s", "50/s:0", "50/s:20", "50"},
		"invalid":      {"quarantine", "accept", "reject", "off"},
		"schema":       {"off", "warn", "quarantine", "reject", "accept"},
		"options":      {map[string]any{"bogus": "x"}, map[string]any{}},
		"dedup_key":    {"content", "header:", "header:X-A", "/order/id", "order"},
	}
	for _, f := range receiver.Fields() {
		word := f.Word
		for _, v := range append(anyOf(f), oddly[word]...) {
			block := map[string]any{"provider": "sticker", "secrets": "a secret of more than sixteen bytes", word: v}
			env := verdict(t.Context(), append(byVariables("HOOKSPAN_SOURCE_X_", block), "HOOKSPAN_SOURCES=x")...)
			file := verdict(t.Context(), byFile(t, "sources", "x", block))
			if (v != any("") || f.Kind.Secret()) && (env == nil) != (file == nil) {
				t.Errorf("%s %#v:\n environment: %v\n file: %v", word, v, env, file)
			}
		}
	}
}

// A start refuses nothing that a check lets pass, and the other way round.
func TestACheckRefusesWhatAStartRefuses(t *testing.T) {
	t.Parallel()
	endpoint := []string{"HOOKSPAN_ENDPOINTS=x", "HOOKSPAN_ENDPOINT_X_URL=https://1.1.1.1/", "HOOKSPAN_ENDPOINT_X_SIGNATURE=none"}
	noSchema := t.TempDir()
	if err := os.WriteFile(filepath.Join(noSchema, "com.example.json"), []byte(`{"type":7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	withControl := t.TempDir()
	own := `{"name":"own","title":"Own","secrets":"s","verify":[{"hmac":{"header":"X"}}],"event":{"prefix":"com.a\u0001b"}}`
	if err := os.WriteFile(filepath.Join(withControl, "own.json"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	// holding is a data folder in which a server before has kept something, and somebody changed it.
	holding := func(file, text string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "HOOKSPAN_DATA_DIR=" + dir
	}
	made := []string{"HOOKSPAN_ENDPOINTS=x", "HOOKSPAN_ENDPOINT_X_URL=https://1.1.1.1/"}
	for name, c := range map[string]struct {
		environ []string
		says    string // of the check; nothing: it passes
	}{
		"a kept seal key":                {[]string{holding("seal-key", sealKey(1)+"\n")}, ""},
		"a kept seal key that is none":   {[]string{holding("seal-key", "no key\n")}, "seal-key: seal key 1 is not base64"},
		"a kept seal key that is gone":   {[]string{holding("seal-key", "\n")}, "seal key: "},
		"one beside a key that is given": {[]string{holding("seal-key", "no key\n"), "HOOKSPAN_SEAL_KEY=" + sealKey(1)}, ""},
		"a secret that was made":         {append([]string{holding("endpoint-x-standard", signature.GenerateSecret("standard")+"\n")}, made...), ""},
		"one that is none":               {append([]string{holding("endpoint-x-standard", "whsec_short\n")}, made...), "endpoint-x-standard: "},
		"one that is gone":               {append([]string{holding("endpoint-x-standard", "")}, made...), "secret of endpoint x: "},
		"one of another signature":       {append([]string{holding("endpoint-x-standard-ed25519", "whsec_short\n")}, made...), ""},

		"an endpoint":                     {endpoint, ""},
		"never disabled":                  {append(slices.Clone(endpoint), "HOOKSPAN_ENDPOINT_X_DISABLE_AFTER=0"), ""},
		"one attempt":                     {append(slices.Clone(endpoint), "HOOKSPAN_ENDPOINT_X_SCHEDULE=,"), ""},
		"more attempts than are let":      {append(slices.Clone(endpoint), "HOOKSPAN_ENDPOINT_X_CONCURRENCY=5000"), "HOOKSPAN_ENDPOINT_X_CONCURRENCY: must be between 1 and 1000"},
		"an address of the own network":   {[]string{"HOOKSPAN_ENDPOINTS=x", "HOOKSPAN_ENDPOINT_X_URL=https://10.0.0.1/"}, "HOOKSPAN_ENDPOINT_X_URL: is refused"},
		"a first event to come":           {append(slices.Clone(endpoint), "HOOKSPAN_ENDPOINT_X_START=2999-01-01T00:00:00Z"), "HOOKSPAN_ENDPOINT_X_START: lies in the future"},
		"a secret that is none":           {append(slices.Clone(endpoint), "HOOKSPAN_ENDPOINT_X_SIGNATURE=standard", "HOOKSPAN_ENDPOINT_X_SECRETS=short"), "HOOKSPAN_ENDPOINT_X_SECRETS: "},
		"a provider's misspelt option":    {append(slices.Clone(endpoint), "HOOKSPAN_ENDPOINT_X_SIGNATURE=provider:sticky", "HOOKSPAN_ENDPOINT_X_SECRETS=sixteen-letters-", "HOOKSPAN_ENDPOINT_X_OPTIONS=key=sha256,client_app_kee=x"), "options.client_app_kee is not known; did you mean client_app_key?"},
		"certificates that are not":       {[]string{"HOOKSPAN_TLS_CERT=/nowhere", "HOOKSPAN_TLS_KEY_FILE=/nowhere"}, "HOOKSPAN_TLS_CERT: "},
		"providers that are not":          {[]string{"HOOKSPAN_PROVIDERS_DIR=/nowhere"}, "HOOKSPAN_PROVIDERS_DIR: "},
		"schemas that are not":            {[]string{"HOOKSPAN_SCHEMAS_DIR=/nowhere"}, "HOOKSPAN_SCHEMAS_DIR: "},
		"a schema that is none":           {[]string{"HOOKSPAN_SCHEMAS_DIR=" + noSchema}, "HOOKSPAN_SCHEMAS_DIR: schema "},
		"a place of schemas with a login": {[]string{"HOOKSPAN_SCHEMAS_URL=https://a:b@c.example"}, "HOOKSPAN_SCHEMAS_URL: want an http or https URL"},
		"a source's URI that is none":     {[]string{"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker", "HOOKSPAN_SOURCE_SHOP_SECRETS=a secret of more than sixteen bytes", "HOOKSPAN_SOURCE_SHOP_URI=/shops/{eu}"}, "HOOKSPAN_SOURCE_SHOP_URI: want a URI reference"},
		"a retention of nothing":          {[]string{"HOOKSPAN_RETENTION=0"}, "HOOKSPAN_RETENTION: want 1s or more"},
		"a retention that is too short":   {[]string{"HOOKSPAN_RETENTION=999ms"}, "HOOKSPAN_RETENTION: want 1s or more"},
		"a journal that is too short":     {[]string{"HOOKSPAN_JOURNAL_RETENTION=50ms"}, "HOOKSPAN_JOURNAL_RETENTION: want 1s or more"},
		"the shortest retention":          {[]string{"HOOKSPAN_RETENTION=1s", "HOOKSPAN_JOURNAL_RETENTION=1s"}, ""},
		"a type with a control":           {[]string{"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker", "HOOKSPAN_SOURCE_SHOP_SECRETS=a secret of more than sixteen bytes", "HOOKSPAN_SOURCE_SHOP_TYPE_PREFIX=a\x01b"}, "HOOKSPAN_SOURCE_SHOP_TYPE_PREFIX: holds what is not allowed"},
		"a source with a control":         {[]string{"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker", "HOOKSPAN_SOURCE_SHOP_SECRETS=a secret of more than sixteen bytes", "HOOKSPAN_SOURCE_SHOP_URI=/a\ufffe"}, "HOOKSPAN_SOURCE_SHOP_URI: holds what is not allowed"},
		"an own provider's control":       {[]string{"HOOKSPAN_PROVIDERS_DIR=" + withControl}, "own.json: event: prefix: "},
		"an unknown provider":             {[]string{"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=nope", "HOOKSPAN_SOURCE_SHOP_SECRETS=x"}, "HOOKSPAN_SOURCE_SHOP_PROVIDER: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := verdict(t.Context(), c.environ...)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("the check says %v, want %q", err, c.says)
			}
			started := runs(t, c.environ...)
			if (started == nil) != (c.says == "") {
				t.Errorf("the start says %v", started)
			}
		})
	}
}

func TestSignaturesOverTheURLWantThePublicOne(t *testing.T) {
	t.Parallel()
	source := []string{"HOOKSPAN_SOURCES=a", "HOOKSPAN_SOURCE_A_SECRETS=a secret of more than sixteen bytes"}
	for environ, warned := range map[string]bool{
		"HOOKSPAN_SOURCE_A_PROVIDER=twilio": true,
		"HOOKSPAN_SOURCE_A_PROVIDER=square": true,
		"HOOKSPAN_SOURCE_A_PROVIDER=github": false,
		"HOOKSPAN_SOURCE_A_PROVIDER=twilio HOOKSPAN_SOURCE_A_PUBLIC_URL=https://hooks.example/a":               false,
		"HOOKSPAN_SOURCE_A_PROVIDER=hmac HOOKSPAN_SOURCE_A_OPTIONS=header=X-Sig,template={method}{url}.{body}": true,
		"HOOKSPAN_SOURCE_A_PROVIDER=hmac HOOKSPAN_SOURCE_A_OPTIONS=header=X-Sig":                               false,
	} {
		c, err := config.Load(append(strings.Fields(environ), source...))
		if err != nil {
			t.Fatal(err)
		}
		if problems := app.Check(t.Context(), c, nil); problems != nil {
			t.Fatal(problems)
		}
		found := slices.ContainsFunc(c.Warnings, func(p config.Problem) bool {
			return p.Where == "HOOKSPAN_SOURCE_A_PUBLIC_URL" && strings.Contains(p.What, "the signatures cover the URL")
		})
		if found != warned {
			t.Errorf("%s: warned %v: %v", environ, found, c.Warnings)
		}
	}
}
