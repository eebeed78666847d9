package test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

const dir = "../hookspan"

var update = flag.Bool("update", false, "write what is made from the values, and the golden files")

// A release is a rendering of the chart.
type release struct {
	name, values string
	kubernetes   string // version; the newest when empty
}

// matrix are the renderings that have to be right, by name.
func matrix(t *testing.T) map[string]string {
	t.Helper()
	cases := map[string]string{}
	for _, path := range files(t, "testdata/values/*.yaml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cases[strings.TrimSuffix(filepath.Base(path), ".yaml")] = string(text)
	}
	return cases
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v, %d files", pattern, err, len(found))
	}
	return found
}

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render returns the chart's objects and its notes.
func (r release) render(t *testing.T) (objects []string, notes string, err error) {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(r.values), &values); err != nil {
		t.Fatal(err)
	}
	caps := common.DefaultCapabilities.Copy()
	version, err := common.ParseKubeVersion(cmpOr(r.kubernetes, "v1.37.2"))
	if err != nil {
		t.Fatal(err)
	}
	caps.KubeVersion = *version
	c := load(t)
	with, err := util.ToRenderValues(c, values, common.ReleaseOptions{Name: cmpOr(r.name, "hs"), Namespace: "events", IsInstall: true, Revision: 1}, caps)
	if err != nil {
		return nil, "", err
	}
	rendered, err := engine.Render(c, with)
	if err != nil {
		return nil, "", err
	}
	for _, path := range slices.Sorted(maps.Keys(rendered)) {
		if strings.HasSuffix(path, "NOTES.txt") {
			notes = rendered[path]
			continue
		}
		for part := range strings.SplitSeq("\n"+rendered[path], "\n---") {
			if strings.TrimSpace(part) != "" {
				objects = append(objects, strings.TrimSpace(part)+"\n")
			}
		}
	}
	return objects, notes, nil
}

func cmpOr(s, or string) string {
	if s == "" {
		return or
	}
	return s
}
