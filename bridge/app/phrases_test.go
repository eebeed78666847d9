package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/config"
)

// A key phrase of several words is not several phrases; which was meant nobody can tell from
// the words, so it is said.
func TestAPhraseThatWasTakenApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	phrases := write("phrases", "blue kettle on the stove\nanother phrase of words\n")
	file := func(name, secrets string) []string {
		return []string{"HOOKSPAN_CONFIG=" + write(name+".yaml", "sources: {shop: {provider: sticky, options: {key: sha256}, secrets: "+secrets+"}}\n")}
	}
	const begin = "HOOKSPAN_SOURCE_SHOP_"
	for name, c := range map[string]struct {
		environ []string
		warned  bool
	}{
		"in the variable":      {[]string{begin + "SECRETS=blue kettle on the stove", begin + "PROVIDER=sticky", begin + "OPTIONS=key=sha256"}, true},
		"one word":             {[]string{begin + "SECRETS=bluekettleonthestove", begin + "PROVIDER=sticky", begin + "OPTIONS=key=sha256"}, false},
		"in a file of secrets": {[]string{begin + "SECRETS_FILE=" + phrases, begin + "PROVIDER=sticky", begin + "OPTIONS=key=sha256"}, false},
		"in the file's text":   {file("text", "blue kettle on the stove"), true},
		"in lines of the file": {file("lines", `"a-phrase-of-one-word\nanother-phrase-of-one"`), true},
		"in the file's list":   {file("list", "[blue kettle on the stove, another phrase of words]"), false},
		"one in the list":      {file("one", "[blue kettle on the stove]"), false},
		"one word of the file": {file("word", "bluekettleonthestove"), false},
		"a reference":          {file("reference", "file:"+phrases), false},
		"several references":   {append(file("several", "env:A_PHRASE file:"+phrases), "A_PHRASE=blue kettle on the stove"), false},
		"no phrases":           {[]string{begin + "SECRETS=first-secret-of-two second-secret-of-two", begin + "PROVIDER=sticker"}, false},
	} {
		environ := append(c.environ, "HOOKSPAN_DATA_DIR="+dir)
		if !strings.HasPrefix(c.environ[0], "HOOKSPAN_CONFIG") {
			environ = append(environ, "HOOKSPAN_SOURCES=shop")
		}
		conf, err := config.Load(environ)
		if err != nil {
			t.Fatal(err)
		}
		if problems := app.Check(t.Context(), conf, nil); len(problems) > 0 {
			t.Fatal(problems)
		}
		warned := false
		for _, w := range conf.Warnings {
			warned = warned || strings.Contains(w.What, "spaces separate secrets") && (w.Where == begin+"SECRETS" || strings.HasSuffix(w.Where, ".yaml:1 sources.shop.secrets"))
		}
		if warned != c.warned {
			t.Errorf("%s: warnings %v", name, conf.Warnings)
		}
	}
}
