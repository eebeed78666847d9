package provider_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/hookspan/hookspan/bridge/provider"
)

// userFiles writes provider files into a directory of their own and loads them.
func userFiles(t testing.TB, files map[string]string) (*provider.Catalog, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return provider.Load(dir)
}

func userProvider(t testing.TB, name, text string, cfg provider.Config) *provider.Verifier {
	t.Helper()
	c, err := userFiles(t, map[string]string{name + ".yaml": "name: " + name + "\n" + text})
	if err != nil {
		t.Fatal(err)
	}
	p, ok := c.Provider(name)
	if !ok {
		t.Fatal("the file was not loaded")
	}
	cfg.Source = "shop"
	if cfg.Secrets == nil {
		cfg.Secrets = []string{"an invented shared secret"}
	}
	v, err := p.Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCatalogueHasThePromisedProviders(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	for name := range strings.FieldsSeq("cloudevents corefy cryptlex github hmac shopify slack standard-webhooks sticker sticky stripe twilio") {
		if _, there := c.Provider(name); !there {
			t.Errorf("%s is missing", name)
		}
	}
	for _, name := range c.Names() {
		p, _ := c.Provider(name)
		if p.Title == "" || len(p.Verified)+len(p.Unverified) == 0 || p.Secrets == "" || len(p.Methods) == 0 {
			t.Errorf("%s does not say what it is: %+v", name, p)
		}
		for _, o := range p.Options {
			if o.Description == "" {
				t.Errorf("%s: option %s has no description", name, o.Name)
			}
		}
	}
	if _, ok := c.Provider("nobody"); ok {
		t.Error("found a provider that is not there")
	}
}

func TestUserFilesAddAndReplace(t *testing.T) {
	t.Parallel()
	const verify = "\nverify: [{hmac: {header: X-Own}}]\nevent: {prefix: com.own}\n"
	c, err := userFiles(t, map[string]string{
		"own.yaml":     "name: own\ntitle: Our own" + verify,
		"sticker.yaml": "name: sticker\ntitle: Replaced" + verify,
		"notes.txt":    "no provider",
	})
	if err != nil {
		t.Fatal(err)
	}
	own, ok := c.Provider("own")
	if !ok || own.Title != "Our own" {
		t.Errorf("%+v", own)
	}
	if p, _ := c.Provider("sticker"); p.Title != "Replaced" {
		t.Errorf("%+v", p)
	}
	if len(c.Names()) != len(catalog(t).Names())+1 {
		t.Error(c.Names())
	}
}

// jsonCatalog is the embedded catalogue with every file written as JSON.
func jsonCatalog(t *testing.T) *provider.Catalog {
	t.Helper()
	names, err := filepath.Glob("catalog/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		indented, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(name), ".yaml")+".json"] = "\ufeff" + strings.ReplaceAll(string(indented), ", \"", ",\n\t\"")
	}
	c, err := userFiles(t, files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAFileInJSONIsTheSameProvider(t *testing.T) {
	t.Parallel()
	written := jsonCatalog(t)
	for _, f := range readVectors(t) {
		p, ok := written.Provider(f.Provider)
		if !ok {
			t.Fatalf("%s was not loaded", f.Provider)
		}
		for _, v := range f.Vectors {
			verdict, err := verifierOf(t, v, p).Verify(v.Request())
			if err != nil {
				t.Errorf("%s/%s: %v", f.Provider, v.ID, err)
				continue
			}
			for _, fault := range v.Judge(verdict) {
				t.Errorf("%s/%s: %s", f.Provider, v.ID, fault)
			}
		}
	}
}

func TestKeysMayBeQuoted(t *testing.T) {
	t.Parallel()
	userProvider(t, "own", `
"options": [{"name": header, 'default': X-Own, "description": "the header"}]
"verify":
  - "when": "header:X-Own"
    "hmac": {"header": "${header}"}
  - any: [{'token': {'in': bearer}}, {"hmac": {header: X-Own}}]
'event': {"prefix": com.own}
`, provider.Config{})
}

func TestTwoFilesOfOneProviderAreRefused(t *testing.T) {
	t.Parallel()
	const text = "name: own\nverify: [{hmac: {header: X-Own}}]\nevent: {prefix: com.own}\n"
	_, err := userFiles(t, map[string]string{"own.yaml": text, "own.yml": text})
	if err == nil || !strings.Contains(err.Error(), "own.yml") || !strings.Contains(err.Error(), "own.yaml") {
		t.Errorf("both files have to be named: %v", err)
	}
}

func TestLoadNamesFilePlaceAndFault(t *testing.T) {
	t.Parallel()
	const good = "name: own\nverify: [{hmac: {header: X-Own}}]\nevent: {prefix: com.own}\n"
	const rest = "name: own\nverify: [{hmac: {header: X}}]\n"
	cases := map[string]struct {
		text string
		want []string
	}{
		"unknown field":       {good + "colour: red\n", []string{"[4:1]", "colour"}},
		"unknown inner field": {"name: own\nverify:\n  - hmac:\n      haeder: X\nevent: {prefix: p}\n", []string{"[4:7]", "haeder"}},
		"unknown family":      {"name: own\nverify:\n  - magic: {}\nevent: {prefix: p}\n", []string{"[3:5]", "magic"}},
		"no family":           {"name: own\nverify: [{hmac: {header: X}}, {when: \"header:Y\"}]\nevent: {prefix: p}\n", []string{"verify[1]", "no way to verify"}},
		"family of nothing":   {"name: own\nverify: [{hmac: {header: X}}, {token: }]\nevent: {prefix: p}\n", []string{"verify[1]", "no way to verify"}},
		"condition in any":    {"name: own\nverify: [{any: [{when: /a, hmac: {header: X}}]}]\nevent: {prefix: p}\n", []string{"[2:18]", "when"}},
		"no proof":            {"name: own\nevent: {prefix: p}\n", []string{"verify"}},
		"digest alone":        {"name: own\nverify: [{digest: {in: \"header:X\"}}]\nevent: {prefix: p}\n", []string{"digest"}},
		"no prefix":           {"name: own\nverify: [{hmac: {header: X}}]\n", []string{"event: prefix"}},
		"bad template":        {"name: own\nverify: [{hmac: {header: X, content: \"{nothing}\"}}]\nevent: {prefix: p}\n", []string{"verify[0]", "{nothing}"}},
		"bad hash":            {"name: own\nverify: [{hmac: {header: X, hash: crc}}]\nevent: {prefix: p}\n", []string{"verify[0]", "crc"}},
		"two grammars":        {"name: own\nverify: [{hmac: {header: X, item: v1, version: v1}}]\nevent: {prefix: p}\n", []string{"one of these forms"}},
		"packed, no member":   {"name: own\nverify: [{hmac: {header: X, packed: true}}]\nevent: {prefix: p}\n", []string{"packed", "item"}},
		"no option to hash":   {good + "challenges: [{when: /a, text: \"{hash:sha256:hex:query:c+option:tok}\"}]\n", []string{"challenges[0]", "option \"tok\" is not declared"}},
		"option as it is":     {good + "options: [{name: tok, secret: true}]\nchallenges: [{when: /a, text: \"{option:tok}\"}]\n", []string{"there is no such value"}},
		"hash without secret": {"name: own\nverify: [{hash: {header: X}}]\nevent: {prefix: p}\n", []string{"{secret}"}},
		"bad pointer":         {good[:len(good)-len("event: {prefix: com.own}\n")] + "event: {prefix: p, id: /a~}\n", []string{"event: id", "JSON pointer"}},
		"bad duration":        {good + "freshness: {time: /t, tolerance: soon}\n", []string{"soon"}},
		"bad zone":            {"name: own\nverify: [{hmac: {header: X}}]\nevent: {prefix: p, zone: Moon/Base}\n", []string{"zone"}},
		"bad cipher":          {"name: own\ndecrypt: {cipher: rot13}\nevent: {prefix: p}\n", []string{"decrypt", "rot13"}},
		"undeclared option":   {"name: own\nverify: [{hmac: {header: \"${header}\"}}]\nevent: {prefix: p}\n", []string{"${header}"}},
		"id for all":          {"name: own\nverify: [{hmac: {header: X}}]\nevent: {prefix: p, batch: /e, id: \"header:X-Id\"}\n", []string{"id: in a batch"}},
		"bad status":          {good + "success: {status: 404}\n", []string{"404"}},
		"body where none is":  {good + "success: {status: 204, body: ok}\n", []string{"204"}},
		"header in two lines": {good + "success: {header: {X-Ok: \"a\\nb\"}}\n", []string{"X-Ok"}},
		"no size":             {good + "max_body: 25 Mib\n", []string{"[4:11]", "25 Mib"}},
		"size of nothing":     {good + "max_body: 0\n", []string{"\"0\""}},
		"size without end":    {good + "max_body: 9999999MiB\n", []string{"9999999MiB"}},
		"prefix in two lines": {"name: own\nverify: [{hmac: {header: X}}]\nevent: {prefix: \"a\\nb\"}\n", []string{"event: prefix", "control characters", `"a\nb"`}},
		"no type to rename":   {rest + "event: {prefix: p, rename: {a: ok, b: \"\\uffff\"}}\n", []string{"event: rename: b", "noncharacters"}},
		"control in an id":    {rest + "event: {prefix: p, id: \"a\\x01{header:X-Id}\"}\n", []string{"event: id", "control characters"}},
		"control in a type":   {rest + "event: {prefix: p, type: [\"header:X-T\", \"\\x85\"]}\n", []string{"event: type", "control characters"}},
		"control in a case":   {rest + "event: {prefix: p, by: \"header:X-T\", cases: {a: {subject: \"a\\tb\"}}}\n", []string{"event: cases: a: subject", "control characters"}},
		"control in a source": {rest + "event: {prefix: p, source: \"https://a{header:X-T}\\x7f\"}\n", []string{"event: source", "control characters"}},
		"source, no URI":      {rest + "event: {prefix: p, source: my shop}\n", []string{"event: source", "URI reference"}},
		"behind a condition":  {rest + "event: {prefix: p, id: \"{if:header:X}\\x01\"}\n", []string{"event: id", "control characters"}},
		"extension's value":   {rest + "event: {prefix: p, extensions: {shop: \"a\\x00\"}}\n", []string{"event: extensions: shop", "control characters"}},
		"extension's name":    {rest + "event: {prefix: p, extensions: {shop_id: /id}}\n", []string{"event: extensions: shop_id", "a-z and 0-9"}},
		"extension's name, 2": {rest + "event: {prefix: p, extensions: {source: /id}}\n", []string{"event: extensions: source", "CloudEvents"}},
		"wrong name":          {strings.Replace(good, "own", "other", 1), []string{"name"}},
		"bad placeholder":     {good + "samples: [{type: a, body: \"${moon}\"}]\n", []string{"samples[0]", "moon"}},
		"same sample twice":   {good + "samples: [{type: a, body: b}, {type: a, body: b}]\n", []string{"samples[1]"}},
		"not YAML":            {"name: [", []string{}},
		"empty":               {"", []string{}},
		"a list":              {"- 1\n", []string{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := userFiles(t, map[string]string{"own.yaml": c.text})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range append(c.want, "own.yaml") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}

func TestLoadOfADirectoryThatIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"absent", "file"} {
		if _, err := provider.Load(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
