package provider_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const tableFile = "catalog/README.md"

// The table of the catalogue is made from its files.
func TestTableOfTheCatalogue(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	var b strings.Builder
	fmt.Fprintf(&b, `# The catalogue

%d providers, made from their files by `+"`go test ./bridge/provider -update`"+`. A request is verified where the sender signs all that
it sends, authenticated where it only shows a secret, or signs parts. The numbers are facts about a provider that are checked against a document or library
of its vendor, and facts that are not; `+"`hookspan provider show NAME`"+` has them.

| provider | system | requests are | checked | unchecked |
|---|---|---|---|---|
`, len(c.Names()))
	for _, name := range c.Names() {
		p, _ := c.Provider(name)
		fmt.Fprintf(&b, "| [`%s`](%s.yaml) | %s | %s | %d | %d |\n", name, name, p.Title, p.Proof, len(p.Verified), len(p.Unverified))
	}
	if *update {
		if err := os.WriteFile(tableFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(text)); diff != "" {
		t.Errorf("%s differs; run go test ./bridge/provider -update\n%s", tableFile, diff)
	}
}
