package setting_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/setting/settingtest"
)

// fresh is a made-up thing with its defaults.
func fresh() *settingtest.MadeUp {
	m := &settingtest.MadeUp{}
	setting.Of(m).Reset(m)
	return m
}

func shown(t *testing.T, m *settingtest.MadeUp) string {
	t.Helper()
	text, err := json.Marshal(setting.Object{setting.Of(m).Shown(m)})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDefaultsAreShown(t *testing.T) {
	t.Parallel()
	const want = `{"text":"here","word":"one","flag":true,"count":2,"wait":"1m","maybe":null,"share":"10%","rate":null,"room":1024,` +
		`"labels":{},"list":[],"waits":["1s","2s"],"headers":{},"proxy":null,"login":{"user":""},"filters":null,"once":""}`
	if diff := cmp.Diff(want, shown(t, fresh())); diff != "" {
		t.Error(diff)
	}
}

// patch applies a merge patch and returns what it says is wrong.
func patch(t *testing.T, m *settingtest.MadeUp, text string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatal(err)
	}
	var faults []string
	for _, f := range setting.Of(m) {
		if raw, given := members[f.Word]; given {
			for _, fault := range f.Patch(m, raw) {
				faults = append(faults, fault.Field+": "+fault.Message)
			}
		}
	}
	return strings.Join(faults, "; ")
}

func TestAMergePatch(t *testing.T) {
	t.Parallel()
	m := fresh()
	all := `{"text":"t","word":"two","flag":false,"count":0,"wait":"90s","maybe":"5s","share":0,"rate":"5/m:2","room":"2KiB","labels":{"a":"b","c":"d"},` +
		`"list":["a,b","c d"],"waits":"3s, 4s","headers":{"X-Team":"core","X-Key":"canary"},"key":"canary","tokens":["a b","c"],"proxy":"http://me:canary@proxy",` +
		`"login":{"user":"me","password":"canary"},"filters":[{"exact":{"type":"a"}}],"once":"o","hidden":"h"}`
	if faults := patch(t, m, all); faults != "" {
		t.Fatal(faults)
	}
	const want = `{"text":"t","word":"two","flag":false,"count":0,"wait":"1m30s","maybe":"5s","share":"0%","rate":"5/m:2","room":2048,` +
		`"labels":{"a":"b","c":"d"},"list":["a,b","c d"],"waits":["3s","4s"],"headers":{"X-Key":"***","X-Team":"core"},"proxy":"http://***@proxy","login":{"user":"me"},` +
		`"filters":[{"exact":{"type":"a"}}],"once":"o"}`
	if diff := cmp.Diff(want, shown(t, m)); diff != "" {
		t.Error(diff)
	}
	if m.Key != "canary" || len(m.Tokens) != 2 || m.Tokens[0] != "a b" || m.Login.Password != "canary" || m.Proxy.Open() != "http://me:canary@proxy" {
		t.Errorf("secrets: %q %q %+v", m.Key.Open(), m.Tokens.Open(), m.Login)
	}

	// Objects are merged, lists replaced; what was there before is not written into.
	before := *m
	labels := maps.Clone(m.Labels)
	if faults := patch(t, m, `{"labels":{"a":null,"e":"f"},"headers":{"x-key":"***","X-Team":null},"proxy":"http://***@proxy","login":{"user":"you"},"list":[],"maybe":null,"rate":null}`); faults != "" {
		t.Fatal(faults)
	}
	if got := fmt.Sprint(m.Labels, len(m.Headers), m.Headers[0], m.Login, len(m.List), m.Maybe, m.Rate.Show(), m.Proxy.Open()); got != "map[c:d e:f] 1 {X-Key canary} {you canary} 0 <nil> <nil>http://me:canary@proxy" {
		t.Errorf("merged: %s", got)
	}
	if !maps.Equal(before.Labels, labels) || len(before.Headers) != 2 {
		t.Errorf("the old value was written into: %v %v", before.Labels, before.Headers)
	}
	reset := "{"
	for _, f := range setting.Of(m) {
		reset += `"` + f.Word + `":null,`
	}
	if faults := patch(t, m, strings.TrimSuffix(reset, ",")+"}"); faults != "" || shown(t, m) != shown(t, fresh()) || m.Key != "" {
		t.Errorf("null: %s %s", faults, shown(t, m))
	}
}

// What the file writes without quotes JSON may write either way.
func TestNumbersAndTextsStandForEachOther(t *testing.T) {
	t.Parallel()
	quoted, plain := fresh(), fresh()
	for m, text := range map[*settingtest.MadeUp]string{
		quoted: `{"text":"5","flag":"false","count":" 3 ","share":"0","room":"9","labels":{"a":"1.50","b":"true"},"list":["1","true"],"headers":{"X-A":"1"},"key":"5","rate":"","once":""}`,
		plain:  `{"text":5,"flag":false,"count":3,"share":0,"room":9,"labels":{"a":1.50,"b":true},"list":[1,true],"headers":{"X-A":1},"key":5}`,
	} {
		if faults := patch(t, m, text); faults != "" {
			t.Errorf("%s: %s", text, faults)
		}
	}
	if diff := cmp.Diff(quoted, plain); diff != "" || plain.Labels["a"] != "1.50" || plain.Count != 3 || plain.Key != "5" {
		t.Errorf("%s %s", shown(t, plain), diff)
	}
}

func TestFaultsNameTheSettingAndTheRemedy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"text":[]}`:                  "text: want one value",
		`{"text":""}`:                  "text: want a value; left out, or null, it is the default",
		`{"word":""}`:                  "word: want a value",
		`{"flag":""}`:                  "flag: want a value",
		`{"flag":"yes"}`:               "flag: want true or false",
		`{"count":""}`:                 "count: want a value",
		`{"count":1.0}`:                "count: want a whole number",
		`{"count":true}`:               "count: want a whole number",
		`{"count":{}}`:                 "count: want one value",
		`{"share":""}`:                 "share: want a value",
		`{"waits":""}`:                 "waits: want a value",
		`{"labels":""}`:                "labels: want a value",
		`{"headers":""}`:               "headers: want a value",
		`{"key":""}`:                   "key: want a value",
		`{"tokens":""}`:                "tokens: want a value",
		`{"proxy":""}`:                 "proxy: want a value",
		`{"login":""}`:                 "login: want an object with user and password",
		`{"count":-1}`:                 "count: want a whole number",
		`{"wait":"soon"}`:              "wait: want a duration such as",
		`{"wait":true}`:                "wait: want a duration such as",
		`{"share":2}`:                  "share: want a share between 0% and 100%",
		`{"rate":"5"}`:                 "rate: a rate looks like 50/s",
		`{"list":[[]]}`:                "list: must be a list of strings, or one string",
		`{"list":["a\u0000b"]}`:        "list: holds a NUL byte",
		`{"list":"a\u0000"}`:           "list: holds a NUL byte",
		`{"text":"a\u0000"}`:           "text: holds a NUL byte",
		`{"waits":["1s","x"]}`:         "waits[1]: want positive durations",
		`{"tokens":["a",""]}`:          "tokens[1]: want no empty secret",
		`{"labels":"a=b"}`:             "labels: must be an object of strings",
		`{"labels":{"a":{}}}`:          "labels: must be an object of strings",
		`{"headers":{"X-Key":"***"}}`:  "headers.X-Key: give the value",
		`{"proxy":"http://***@proxy"}`: "proxy: has *** where its login was hidden",
		`{"proxy":"proxy:3128"}`:       "proxy: want none, or the URL of a proxy",
		`{"login":"me"}`:               "login: want an object with user and password",
		`{"filters":{"exact":1},"login":{"a":5}}`: "filters: want a list of filters",
	} {
		m := fresh()
		if got := patch(t, m, text); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		if shown(t, m) != shown(t, fresh()) && !strings.Contains(text, "login") {
			t.Errorf("%s was taken: %s", text, shown(t, m))
		}
	}
}

func TestLimitsAndWords(t *testing.T) {
	t.Parallel()
	hour := time.Hour
	m := fresh()
	if faults := setting.Of(m).Check(m); len(faults) > 0 {
		t.Fatalf("defaults: %v", faults)
	}
	m.Word, m.Count, m.Wait, m.Maybe, m.Share, m.Rate = "three", 10, 0, &hour, 2, setting.Rate{PerSecond: -1}
	m.List, m.Waits, m.Login = setting.List{"a", "b", "c", "d"}, setting.Durations{time.Second, 2 * time.Hour}, settingtest.Login{Password: "canary"}
	var got []string
	for _, fault := range setting.Of(m).Check(m) {
		got = append(got, fault.Field+": "+fault.Message)
	}
	want := []string{
		"word: want one or two", "count: must be between 0 and 9", "wait: must be more than 0s and at most 1h", "share: must be between 0% and 100%",
		"rate: must be more than none and at most 1000000/s", "list: has 4 items; 3 are allowed", "waits[1]: must be at most 1h", "login.user: is missing",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestARecordKeepsEverySetting(t *testing.T) {
	t.Parallel()
	fields := setting.Of(&settingtest.MadeUp{})
	m := fresh()
	for _, f := range fields {
		if text := f.Tag("example"); text != "" {
			if err := f.Set(m, text); err != nil {
				t.Fatalf("%s: %v", f.Word, err)
			}
		}
	}
	m.Flag, m.Count, m.Text, m.Share = false, 0, "", 0 // zero is not the default
	back := &settingtest.MadeUp{}
	for _, sealed := range []bool{false, true} {
		members, err := fields.Encode(m, sealed)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(members)
		if err != nil || !sealed && strings.Contains(string(text), "canary") {
			t.Errorf("open: %s, %v", text, err)
		}
		members["newer"] = json.RawMessage("1")
		if err := fields.Decode(back, members, sealed); err != nil {
			t.Fatal(err)
		}
		if len(members) != 1 {
			t.Errorf("left over: %v", members)
		}
	}
	for _, f := range fields {
		if !f.Same(m, back) {
			t.Errorf("%s: %v became %v", f.Word, f.Value(m), f.Value(back))
		}
	}
	older := &settingtest.MadeUp{}
	if err := fields.Decode(older, nil, false); err != nil || shown(t, older) != shown(t, fresh()) {
		t.Errorf("a record without them: %s, %v", shown(t, older), err)
	}
}

func TestSecretsPrintAsStars(t *testing.T) {
	t.Parallel()
	m := settingtest.MadeUp{Key: "canary", Tokens: setting.Secrets{"canary"}, Proxy: "http://canary:canary@proxy"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(format, m); strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", "canary")) {
			t.Errorf("%s: %s", format, text)
		}
	}
	if text, err := json.Marshal(m); err != nil || strings.Contains(string(text), "canary") {
		t.Errorf("JSON: %s, %v", text, err)
	}
}
