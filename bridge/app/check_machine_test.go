package app_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/config"
)

// warnings are what a check says without refusing anything.
func warnings(t *testing.T, environ ...string) []config.Problem {
	t.Helper()
	c, err := config.Load(environ)
	if err != nil {
		t.Fatal(err)
	}
	if problems := app.Check(t.Context(), c, nil); problems != nil {
		t.Fatal(problems)
	}
	return c.Warnings
}

// A configuration may be checked on another machine than that of the server.
func TestWhatThisMachineLacksIsAWarning(t *testing.T) {
	t.Parallel()
	nowhere := strings.Repeat("a", 64) // too long to be asked for
	folder := "HOOKSPAN_DATA_DIR=" + filepath.Join(t.TempDir(), "a", "b")
	for environ, variable := range map[string]string{
		"HOOKSPAN_LISTEN=127.0.0.1:0":                              "",
		"HOOKSPAN_LISTEN=localhost:8080":                           "",
		"HOOKSPAN_LISTEN=192.0.2.7:8080":                           "HOOKSPAN_LISTEN",
		"HOOKSPAN_LISTEN=" + nowhere + ":8080":                     "HOOKSPAN_LISTEN",
		"HOOKSPAN_LISTEN=192.0.2.7:8080 HOOKSPAN_ROLES=dispatcher": "", // which does not listen there
		"HOOKSPAN_ADMIN_LISTEN=192.0.2.7:8081":                     "HOOKSPAN_ADMIN_LISTEN",
		"HOOKSPAN_EMBEDDED_LISTEN=127.0.0.1:4222":                  "",
		"HOOKSPAN_EMBEDDED_LISTEN=" + nowhere + ":4222 HOOKSPAN_EMBEDDED_USER=u HOOKSPAN_EMBEDDED_PASSWORD=p": "HOOKSPAN_EMBEDDED_LISTEN",
	} {
		var about []string
		for _, w := range warnings(t, append(strings.Fields(environ), folder)...) {
			about = append(about, w.Where)
		}
		if variable == "" && len(about) > 0 || variable != "" && !slices.Contains(about, variable) {
			t.Errorf("%s: warnings about %v, want %q", environ, about, variable)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(folder[len("HOOKSPAN_DATA_DIR="):])), ".*")); err != nil || len(left) > 0 {
		t.Errorf("the check leaves %v, %v", left, err)
	}
}
