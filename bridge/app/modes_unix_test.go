//go:build unix

package app_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/config"
)

func TestOpenFilesAreWarnedOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, secret := filepath.Join(dir, "data"), filepath.Join(dir, "secret")
	file, clear := filepath.Join(dir, "hookspan.yaml"), filepath.Join(dir, "clear.yaml")
	at := func(name string) string { return filepath.Join(data, name) }
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{secret, at("admin-token"), at("seal-key"), at("endpoint-crm-standard")} {
		if err := os.WriteFile(path, []byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, where := range map[string]string{file: "file:" + secret, clear: "in-clear-0123456789"} {
		if err := os.WriteFile(path, []byte("sources: {shop: {provider: sticker, secrets: ["+where+"]}}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path   string
		mode   os.FileMode
		warned string
	}{
		{file, 0o644, ""}, {file, 0o664, ""}, {file, 0o666, "file"},
		{clear, 0o600, ""}, {clear, 0o640, ""}, {clear, 0o644, "secret file"}, {clear, 0o660, "secret file"},
		{data, 0o700, ""}, {data, 0o750, ""}, {data, 0o755, "data folder"}, {data, 0o777, "data folder"},
		{at("admin-token"), 0o600, ""}, {at("admin-token"), 0o640, "secret file"}, {at("admin-token"), 0o644, "secret file"},
		{at("seal-key"), 0o604, "secret file"}, {at("endpoint-crm-standard"), 0o660, "secret file"},
		{secret, 0o400, ""}, {secret, 0o440, ""}, {secret, 0o444, "secret file"}, {secret, 0o620, "secret file"},
	} {
		was, err := os.Stat(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.path, c.mode); err != nil {
			t.Fatal(err)
		}
		environ := []string{"HOOKSPAN_DATA_DIR=" + data, "HOOKSPAN_ADMIN_TOKEN_FILE=" + secret}
		if filepath.Ext(c.path) != "" {
			environ = append(environ, "HOOKSPAN_CONFIG="+c.path)
		}
		conf, err := config.Load(environ)
		if err != nil {
			t.Fatal(err)
		}
		if problems := app.Check(t.Context(), conf, nil); problems != nil {
			t.Fatal(problems)
		}
		i := slices.IndexFunc(conf.Warnings, func(p config.Problem) bool { return strings.Contains(p.What, c.path+" is open to") })
		switch {
		case (i >= 0) != (c.warned != ""):
			t.Errorf("%s with %o: %v", c.path, c.mode, conf.Warnings)
		case i >= 0 && (conf.Warnings[i].Where != c.warned || !strings.Contains(conf.Warnings[i].What, "chmod ")):
			t.Errorf("%s with %o: %v", c.path, c.mode, conf.Warnings[i])
		}
		if err := os.Chmod(c.path, was.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
}
