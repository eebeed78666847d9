package test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// annotated reads an annotation for Artifact Hub that is YAML.
func annotated[T any](t *testing.T, name string) (v T) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(load(t).Metadata.Annotations["artifacthub.io/"+name]), &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// What Artifact Hub is told is what the chart is.
func TestArtifactHubIsToldTheImage(t *testing.T) {
	images := annotated[[]struct {
		Name, Image string
		Platforms   []string
	}](t, "images")
	objects, _, err := release{}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	for id, pod := range pods(t, objects) {
		for _, c := range pod.Spec.Containers {
			if len(images) != 1 || c.Image != images[0].Image {
				t.Errorf("%s runs %s, the annotation says %v", id, c.Image, images)
			}
		}
	}
	built, err := os.ReadFile("../../.ci/release/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range images[0].Platforms {
		if !strings.Contains(string(built), platform) {
			t.Errorf("no image is built for %s", platform)
		}
	}
}

func TestArtifactHubIsToldTheTruth(t *testing.T) {
	repository := load(t).Metadata.Home
	c := load(t).Metadata
	licence, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if c.Annotations["artifacthub.io/license"] != "Apache-2.0" || !strings.Contains(string(licence), "Apache License") {
		t.Errorf("the licence is %q", c.Annotations["artifacthub.io/license"])
	}
	kinds := []string{"added", "changed", "deprecated", "removed", "fixed", "security"}
	security := false
	changes := annotated[[]struct{ Kind, Description string }](t, "changes")
	for _, change := range changes {
		if !slices.Contains(kinds, change.Kind) || change.Description == "" {
			t.Errorf("a change of no kind: %v", change)
		}
		security = security || change.Kind == "security"
	}
	links := annotated[[]struct{ Name, URL string }](t, "links")
	for _, link := range links {
		path, ours := strings.CutPrefix(link.URL, repository)
		path = strings.NewReplacer("/blob/main/", "", "/tree/main/", "", "#readme", "README.md").Replace(path)
		if _, err := os.Stat(filepath.Join("../..", path)); !ours || err != nil && path != "/issues" {
			t.Errorf("%s leads to %s: %v", link.Name, link.URL, err)
		}
	}
	if len(changes) == 0 || len(links) == 0 {
		t.Errorf("there are %d changes and %d links", len(changes), len(links))
	}
	for name, want := range map[string]bool{"prerelease": strings.Contains(c.Version, "-"), "containsSecurityUpdates": security, "operator": false} {
		if got := c.Annotations["artifacthub.io/"+name]; got != map[bool]string{true: "true", false: "false"}[want] {
			t.Errorf("%s: %q, and it is %v", name, got, want)
		}
	}
	if key, ok := c.Annotations["artifacthub.io/signKey"]; ok {
		t.Errorf("the package alone has a key, this says %s", key)
	}
	repo, err := os.ReadFile("../artifacthub-repo.yml")
	if err != nil || !strings.Contains(string(repo), "owners:") {
		t.Errorf("who owns the repository: %v\n%s", err, repo)
	}
}
