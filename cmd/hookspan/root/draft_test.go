package root_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

func TestADraftIsWrittenAndTested(t *testing.T) {
	t.Parallel()
	const secret = "an invented shared secret"
	file, dir := printed(t, "sticker", secret), t.TempDir()
	out, errs, code := hookspan(t, nil, "provider", "new", "shop", "--request", file, "--secret", secret, "--output", dir)
	if code != cli.ExitDone || !strings.Contains(out, "proven: the signature in header X-Sticker-Signature is HMAC-SHA256 over {body}") {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	shop := filepath.Join(dir, "shop.yaml")
	if out, errs, code := hookspan(t, nil, "provider", "test", shop); code != cli.ExitDone || !strings.Contains(out, ": holds; ") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	own := []string{"HOOKSPAN_PROVIDERS_DIR=" + dir} // the vectors in it are no providers
	if out, errs, code := hookspan(t, own, "verify", "shop", file, "--secret", secret); code != cli.ExitDone {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"once more":         {[]string{"shop", "--request", file, "--secret", secret, "--output", dir}, "is there already"},
		"under other names": {[]string{"shop", "--request", file, "--output", filepath.Join(dir, "other.yaml")}, "shop.yaml"},
		"no name":           {[]string{"../shop", "--request", file}, "NAME: use a-z"},
		"no request":        {[]string{"shop"}, "--request is missing"},
		"no such file":      {[]string{"shop", "--request", file + "x"}, "FILE"},
	} {
		if out, errs, code := hookspan(t, nil, append([]string{"provider", "new"}, c.args...)...); code != cli.ExitUsage || !strings.Contains(errs, c.says) {
			t.Errorf("%s: code %d: %s%s", name, code, out, errs)
		}
	}
	text, errs, code := hookspan(t, nil, "provider", "new", "shop", "--request", file)
	if code != cli.ExitDone || !strings.Contains(text, "\nverify:\n") || !strings.Contains(errs, "Nothing is proven") || strings.Contains(text, "Nothing is proven") {
		t.Errorf("code %d: %s%s", code, text, errs)
	}
	if out, errs, _ := hookspan(t, nil, "provider", "new", "shop", "--request", file, "--secret", secret, "--json"); !strings.Contains(out, `"proven": true`) || strings.Contains(out+errs, secret) {
		t.Errorf("%s%s", out, errs)
	}
}

func TestFilesThatDoNotHold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const rest = "\nverify: [{token: {in: \"header:X-Own\"}}]\nevent: {prefix: com.own}\n"
	const vectors = `,"unsigned_body":true,"vectors":[{"id":"a","headers":{"X-Own":"an invented token"},"body":"{}","secrets":["an invented token"],"received":"2026-05-04T10:00:00Z","want":{"id":"7"}}]}`
	write("vectors/wrong.json", `{"provider":"wrong"`+vectors)
	write("vectors/strange.json", `{"provider":"own"`+vectors)
	write("vectors/broken.json", `{`)
	for name, c := range map[string]struct {
		path, says string
		code       int
	}{
		"no vectors":       {write("alone.yaml", "name: alone"+rest), "has no vectors: write " + filepath.Join(dir, "vectors", "alone.json"), cli.ExitFailed},
		"another id":       {write("wrong.yaml", "name: wrong"+rest), "wrong/a: FAILED\n  id is ", cli.ExitFailed},
		"another provider": {write("strange.yaml", "name: strange"+rest), `"own" is not strange`, cli.ExitFailed},
		"no JSON":          {write("broken.yaml", "name: broken"+rest), "no file of vectors", cli.ExitFailed},
		"does not load":    {write("bad.yaml", "name: bad\nverify: []\n"), "provider file", cli.ExitFailed},
		"is not there":     {filepath.Join(dir, "nobody.yaml"), "nobody.yaml", cli.ExitUsage},
	} {
		out, errs, code := hookspan(t, nil, "provider", "test", c.path)
		if code != c.code || !strings.Contains(out+errs, c.says) || strings.Contains(out+errs, "an invented token") {
			t.Errorf("%s: code %d: %s%s", name, code, out, errs)
		}
		if c.code != cli.ExitFailed {
			continue
		}
		out, _, code = hookspan(t, nil, "provider", "test", c.path, "--json")
		var line struct{ Faults []string }
		if err := json.Unmarshal([]byte(out), &line); err != nil || code != c.code || len(line.Faults) == 0 {
			t.Errorf("%s: code %d: %v %s", name, code, err, out)
		}
	}
}
