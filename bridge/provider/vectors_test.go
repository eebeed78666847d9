package provider_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/vector"
)

var load = sync.OnceValues(func() (*provider.Catalog, error) { return provider.Load("") })

func catalog(t testing.TB) *provider.Catalog {
	t.Helper()
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readVectors(t testing.TB) []*vector.File {
	t.Helper()
	names, err := filepath.Glob("vectors/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	var files []*vector.File
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := vector.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		files = append(files, f)
	}
	return files
}

func verifierOf(t testing.TB, v vector.Vector, p *provider.Provider) *provider.Verifier {
	t.Helper()
	verifier, err := v.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func TestEveryProviderHasVectors(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	for _, f := range readVectors(t) {
		have[f.Provider] = true
	}
	for _, name := range catalog(t).Names() {
		if !have[name] {
			t.Errorf("provider %s has no vectors/%s.json", name, name)
		}
	}
}

func TestVectors(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	for _, f := range readVectors(t) {
		p, ok := c.Provider(f.Provider)
		if !ok {
			t.Errorf("there are vectors of %s, which is no provider", f.Provider)
			continue
		}
		for _, v := range f.Vectors {
			t.Run(f.Provider+"/"+v.ID, func(t *testing.T) {
				t.Parallel()
				for _, fault := range f.Check(p, v).Faults {
					t.Error(fault)
				}
			})
		}
	}
}
