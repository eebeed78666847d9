package test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// crds are where others keep the definitions of the objects that the chart writes for them, by kind:
// the module, and the file in it.
func crds(t *testing.T) map[string]crd {
	t.Helper()
	text, err := os.ReadFile("testdata/crds.txt")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]crd{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		found[f[0]] = crd{module: f[1], file: f[2]}
	}
	return found
}

type crd struct{ module, file string }

// The definitions of others say more than their Go types: which values there may be.
func TestObjectsOfOthersFitTheirDefinitions(t *testing.T) {
	crds, seen := crds(t), map[string]int{}
	schemas := map[string]*jsonschema.Schema{}
	everyObject(t, "", func(name string, meta metav1.PartialObjectMetadata, text string) {
		at, ok := crds[meta.Kind]
		if !ok {
			return
		}
		if schemas[meta.Kind] == nil {
			schemas[meta.Kind] = definition(t, at.module, at.file, meta.APIVersion)
		}
		seen[meta.Kind]++
		object := asJSON(t, []byte(text))
		if err := schemas[meta.Kind].Validate(object); err != nil {
			t.Errorf("%s: %s/%s: %v", name, meta.Kind, meta.Name, err)
		}
		object.(map[string]any)["spec"].(map[string]any)["nobodyKnows"] = true
		if schemas[meta.Kind].Validate(object) == nil {
			t.Errorf("%s: a field that nobody knows is taken", meta.Kind)
		}
	})
	for kind := range crds {
		if seen[kind] == 0 {
			t.Errorf("no case has a %s", kind)
		}
	}
}

func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	text, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// definition compiles the schema of one version (group/version), so that it takes no field that it
// does not know.
func definition(t *testing.T, module, file, version string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(downloaded(t, module), file))
	if err != nil {
		t.Fatal(err)
	}
	crd := asJSON(t, text).(map[string]any)
	spec := crd["spec"].(map[string]any)
	for _, v := range spec["versions"].([]any) {
		v := v.(map[string]any)
		if spec["group"].(string)+"/"+v["name"].(string) != version {
			continue
		}
		whole := v["schema"].(map[string]any)["openAPIV3Schema"]
		strict(whole)
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft4) // what OpenAPI 3.0 is made of
		if err := c.AddResource("file:///crd", whole); err != nil {
			t.Fatal(err)
		}
		s, err := c.Compile("file:///crd")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Fatalf("%s has no %s", file, version)
	return nil
}

// strict closes every object whose fields are all named, and lets null be where it may.
func strict(schema any) {
	s, ok := schema.(map[string]any)
	if !ok {
		return
	}
	properties, _ := s["properties"].(map[string]any)
	_, more := s["additionalProperties"]
	if len(properties) > 0 && !more && s["x-kubernetes-preserve-unknown-fields"] == nil {
		s["additionalProperties"] = false
	}
	if kind, ok := s["type"].(string); ok && s["nullable"] == true {
		s["type"] = []any{kind, "null"}
	}
	for _, below := range properties {
		strict(below)
	}
	strict(s["items"])
	strict(s["additionalProperties"])
}

// downloaded is the folder of a module that nothing here imports.
func downloaded(t *testing.T, module string) string {
	t.Helper()
	get := exec.Command("go", "mod", "download", "-json", module)
	get.Dir = t.TempDir() // beside every go.mod, which it might write to
	get.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return v == "GOFLAGS=-mod=mod" || v == "GOFLAGS=-mod=vendor" })
	out, err := get.Output()
	var m struct{ Dir, Error string }
	if e := json.Unmarshal(out, &m); err != nil || e != nil || m.Dir == "" {
		t.Fatalf("%s: %v, %v, %s", module, err, e, m.Error)
	}
	return m.Dir
}
