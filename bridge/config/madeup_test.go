package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/setting/settingtest"
)

// madeUp loads one made-up thing, which takes the place of the endpoints.
func madeUp(environ ...string) (*settingtest.MadeUp, Problems) {
	l := newLoading(environ)
	l.endpoints.settings = &settingtest.MadeUp{}
	l.readFile()
	l.takeNames()
	l.takeVariables()
	l.readSecrets()
	m := &settingtest.MadeUp{}
	for name, b := range l.endpoints.blocks {
		l.decodeInto(m, l.endpoints.begin(name), b)
	}
	return m, l.problems.Sorted()
}

// A declared setting is a variable, a word of the file and a row of the documents; nothing else
// has to know it.
func TestADeclarationIsEnough(t *testing.T) {
	t.Parallel()
	const begin = "HOOKSPAN_ENDPOINT_A_"
	secret := filepath.Join(t.TempDir(), "secret")
	file := filepath.Join(t.TempDir(), "hookspan.yaml")
	for path, text := range map[string]string{secret: "canary\n", file: `
endpoints:
  a:
    text: t
    word: two
    flag: false
    count: 0
    wait: 90s
    maybe: 5s
    share: 0
    rate: 5/m:2
    room: 2KiB
    labels: {a: "b,c", d: "1"}
    list: ["a,b", c]
    waits: [3s, 4s]
    headers: {X-A: "b, c"}
    key: file:` + secret + `
    tokens: [env:CANARY]
    proxy: env:PROXY
    login: {user: me, password: env:CANARY}
    filters: [{exact: {type: a}}, {any: [1, 1.5, true, null]}]
    once: o
    hidden: h
`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	byEnv, problems := madeUp("HOOKSPAN_ENDPOINTS=a", begin+"TEXT=t", begin+"WORD=two", begin+"FLAG=false", begin+"COUNT=0", begin+"WAIT=90s", begin+"MAYBE=5s",
		begin+"SHARE=0", begin+"RATE=5/m:2", begin+"ROOM=2KiB", begin+`LABELS=a=b\,c,d=1`, begin+"WAITS=3s,4s", begin+"HEADERS=X-A: b, c\n",
		begin+"KEY_FILE="+secret, begin+"TOKENS=canary", begin+"PROXY=http://me:canary@proxy", begin+`LOGIN={"user":"me","password":"canary"}`,
		begin+`FILTERS=[{"exact":{"type":"a"}},{"any":[1,1.5,true,null]}]`, begin+"ONCE=o", begin+"HIDDEN=h")
	if problems != nil {
		t.Fatal(problems)
	}
	byEnv.List = setting.List{"a,b", "c"} // no variable can say that
	byFile, problems := madeUp("HOOKSPAN_CONFIG="+file, "CANARY=canary", "PROXY=http://me:canary@proxy")
	if problems != nil {
		t.Fatal(problems)
	}
	if diff := cmp.Diff(byEnv, byFile); diff != "" {
		t.Error(diff)
	}
	if byFile.Login.Password != "canary" || byFile.Key != "canary" {
		t.Errorf("secrets: %+v %q", byFile.Login, byFile.Key.Open())
	}
	unset := &settingtest.MadeUp{}
	fields := setting.Of(unset)
	fields.Reset(unset)
	for _, f := range fields {
		if f.Same(unset, byFile) {
			t.Errorf("%s was not read", f.Word)
		}
	}
	rows := tableOf("", "A_", fields, "A_").Settings
	if len(rows) != len(fields) || rows[1].Name != "A_WORD" || rows[1].Key != "word" || rows[1].Default != "one" || rows[1].Meaning != "A word." {
		t.Errorf("documents: %+v", rows)
	}
}

func TestFaultsOfADeclaredSetting(t *testing.T) {
	t.Parallel()
	const begin = "HOOKSPAN_ENDPOINT_A_"
	for variable, want := range map[string]string{
		"WORD=three":                      "WORD: want one or two",
		"COUNT=10":                        "COUNT: must be between 0 and 9",
		"WAIT=2h":                         "WAIT: must be more than 0s and at most 1h",
		"WAITS=1s,2h":                     "WAITS: waits[1] must be at most 1h",
		"LIST=a,b,c,d":                    "LIST: has 4 items; 3 are allowed",
		"LOGIN=me":                        "LOGIN: want an object with user and password",
		`LOGIN={"password":"canary"}`:     "LOGIN: login.user is missing",
		"LABEL=a=b":                       "LABEL: unknown variable; did you mean " + begin + "LABELS?",
		"KEY=":                            "KEY: an empty secret",
		"PROXY=":                          "PROXY: an empty secret",
		"PROXY=ftp://canary@proxy":        "PROXY: want none, or the URL of a proxy",
		`FILTERS={"canary": "no filter"}`: "FILTERS: want a list of filters",
	} {
		_, problems := madeUp("HOOKSPAN_ENDPOINTS=a", begin+variable)
		if text := problems.Error(); text != begin+want && !strings.HasPrefix(text, begin+want) || strings.Contains(text, "canary") || len(problems) != 1 {
			t.Errorf("%s: %q, want %q", variable, text, want)
		}
	}
	text, err := json.Marshal(map[string]any{"endpoints": map[string]any{"a": map[string]any{"login": map[string]any{"user": "me", "password": "env:NOT_THERE"}}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "hookspan.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, problems := madeUp("HOOKSPAN_CONFIG=" + file); !strings.Contains(problems.Error(), "endpoints.a.login: the variable NOT_THERE that it refers to is not set") {
		t.Errorf("a reference inside: %v", problems)
	}
}
