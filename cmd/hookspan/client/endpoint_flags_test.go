package client

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/setting/settingtest"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// sent is what the flags of an endpoint come to, and of settings that no endpoint has.
func sent(t *testing.T, madeUp setting.Fields, args ...string) map[string]any {
	t.Helper()
	var f endpointFlags
	cmd := &cobra.Command{}
	f.flags(cmd)
	for _, s := range madeUp {
		f.add(cmd, s)
	}
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	body, err := f.body(&cli.Terminal{}, cmd)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestEverySettingOfAnEndpointIsAFlag(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("one secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := map[setting.Kind]string{
		setting.KindBoolean: "false", setting.KindNumber: "3", setting.KindList: `["a","b"]`, setting.KindOptions: `{"a":"b=c"}`,
		setting.KindHeaders: `{"a":"b=c"}`, setting.KindSecrets: `["one secret"]`, setting.KindSecret: `"one secret"`, setting.KindLogin: `"one secret"`, setting.KindObject: `{"a":1}`,
	}
	var madeUp setting.Fields
	for _, s := range setting.Of(&settingtest.MadeUp{}) {
		if _, of := endpoint.Fields().Find(s.Word); !of {
			madeUp = append(madeUp, s)
		}
	}
	for _, s := range append(madeUp, endpoint.Fields()...) {
		args := map[setting.Kind]string{
			setting.KindBoolean: "=false", setting.KindNumber: "=3", setting.KindList: "=a,b", setting.KindOptions: "=a=b=c", setting.KindHeaders: "=a: b=c",
			setting.KindSecrets: "-file=" + file, setting.KindSecret: "-file=" + file, setting.KindLogin: "-file=" + file, setting.KindObject: `={"a":1}`,
		}[s.Kind]
		name := strings.ReplaceAll(s.Word, "_", "-")
		if s.Kind == setting.KindOptions || s.Kind == setting.KindHeaders {
			name = strings.TrimSuffix(name, "s")
		}
		text := want[s.Kind]
		if args == "" {
			args, text = "=a text", `"a text"`
		}
		body := sent(t, madeUp, "--"+name+args)
		if got, err := json.Marshal(body[s.Word]); err != nil || string(got) != text || len(body) != 1 {
			t.Errorf("--%s%s: %v, want %s", name, args, body, text)
		}
	}
	if body := sent(t, madeUp); len(body) != 0 {
		t.Errorf("without flags: %v", body)
	}
	if body := sent(t, nil, "--secret", "a b", "--secret", "c"); len(body["secrets"].([]string)) != 2 {
		t.Errorf("two secrets: %v", body)
	}
}
