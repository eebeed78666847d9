package test

import (
	"cmp"
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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"sigs.k8s.io/yaml"
)

const dir = "../hookspan"

// newest is the version of Kubernetes whose types the tests have.
const newest = "v1.37.2"

var update = flag.Bool("update", false, "write what is made from the values, and the golden files")

// A release is a rendering of the chart.
type release struct {
	name, values string
	kubernetes   string   // version; the newest when empty
	chart        string   // version; the chart's own when empty
	found        []string // objects that are in the cluster already
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
	version, err := common.ParseKubeVersion(cmp.Or(r.kubernetes, newest))
	if err != nil {
		t.Fatal(err)
	}
	caps.KubeVersion = *version
	c := load(t)
	c.Metadata.Version = cmp.Or(r.chart, c.Metadata.Version)
	c.Metadata.AppVersion = cmp.Or(r.chart, c.Metadata.AppVersion)
	with, err := util.ToRenderValues(c, values, common.ReleaseOptions{Name: cmp.Or(r.name, "hs"), Namespace: "events", IsInstall: true, Revision: 1}, caps)
	if err != nil {
		return nil, "", err
	}
	rendered, err := engine.RenderWithClientProvider(c, with, cluster(t, r.found))
	if err != nil {
		return nil, "", err
	}
	objects, notes = parts(rendered)
	return objects, notes, nil
}

// parts are the objects and the notes in what was rendered, by path.
func parts(rendered map[string]string) (objects []string, notes string) {
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
	return objects, notes
}

// objectsIn is a cluster for the lookups of templates.
type objectsIn struct{ dynamic.Interface }

func cluster(t *testing.T, objects []string) objectsIn {
	t.Helper()
	var all []runtime.Object
	for _, text := range objects {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
			t.Fatal(err)
		}
		o.SetNamespace("events")
		all = append(all, o)
	}
	return objectsIn{fake.NewSimpleDynamicClient(runtime.NewScheme(), all...)}
}

// GetClientFor knows the plurals of the kinds that the chart looks up.
func (c objectsIn) GetClientFor(version, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	group, err := schema.ParseGroupVersion(version)
	return c.Resource(group.WithResource(strings.ToLower(kind) + "s")), true, err
}
