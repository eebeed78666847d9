package provider_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the list of providers in README.md anew")

const (
	readme    = "../../README.md"
	listBegin = "<!-- providers: written by `go test ./bridge/provider -update` -->\n"
	listEnd   = "<!-- end of providers -->\n"
)

func TestReadmeNamesEveryProvider(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	front, rest, begun := strings.Cut(string(text), listBegin)
	list, back, ended := strings.Cut(rest, listEnd)
	if !begun || !ended {
		t.Fatal("README.md has lost the marks of the list of providers")
	}
	want := providerList(t)
	if *update {
		list = want
		if err := os.WriteFile(readme, []byte(front+listBegin+want+listEnd+back), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if list != want {
		t.Error("the providers in README.md differ; run go test ./bridge/provider -update")
	}
}

// providerList is a sentence with all names, in lines of a fit length.
func providerList(t *testing.T) string {
	names := catalog(t).Names()
	var b strings.Builder
	line := fmt.Sprintf("There are %d:", len(names))
	for i, name := range names {
		word := " `" + name + "`"
		if i < len(names)-1 {
			word += ","
		}
		if len(line)+len(word) > 118 {
			b.WriteString(line + "\n")
			line, word = "", strings.TrimPrefix(word, " ")
		}
		line += word
	}
	return b.String() + line + ".\n"
}
