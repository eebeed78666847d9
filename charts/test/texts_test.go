package test

import (
	"regexp"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// What helm lint says of every case.
func TestLint(t *testing.T) {
	for name, text := range matrix(t) {
		values := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &values); err != nil {
			t.Fatal(err)
		}
		for _, m := range lint.RunAll(dir, values, "events").Messages {
			if m.Severity >= support.WarningSev {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
}

// named is an object that a command names: as kind/name, or after the kind.
var named = regexp.MustCompile(`\b(statefulset|deployment|service|secret)[/ ]([a-z0-9-]+)`)

// Commands in the notes name objects that are there, and URLs Services.
func TestTheNotesNameWhatIsThere(t *testing.T) {
	for name, values := range matrix(t) {
		t.Run(name, func(t *testing.T) {
			objects, notes, err := release{values: values}.render(t)
			if err != nil {
				t.Fatal(err)
			}
			// Secrets that the values name are not the chart's.
			there := map[string]bool{"secret/hookspan-auth": true, "secret/admin-tls": true}
			for _, text := range objects {
				var meta metav1.PartialObjectMetadata
				if err := yaml.Unmarshal([]byte(text), &meta); err != nil {
					t.Fatal(err)
				}
				there[strings.ToLower(meta.Kind)+"/"+meta.Name] = true
			}
			seen := 0
			for line := range strings.Lines(notes) {
				if !strings.HasPrefix(line, "  ") {
					continue
				}
				for _, m := range named.FindAllStringSubmatch(line, -1) {
					seen++
					if !there[m[1]+"/"+m[2]] {
						t.Errorf("there is no %s %s: %s", m[1], m[2], line)
					}
				}
				for _, m := range regexp.MustCompile(`https?://([a-z0-9-]+)\.events\.svc`).FindAllStringSubmatch(line, -1) {
					if !there["service/"+m[1]] {
						t.Errorf("there is no Service %s: %s", m[1], line)
					}
				}
			}
			if seen < 4 {
				t.Errorf("only %d objects are named:\n%s", seen, notes)
			}
		})
	}
}

// What Artifact Hub is told is what the chart is.
func TestArtifactHubIsToldTheImage(t *testing.T) {
	c := load(t)
	var images []struct{ Name, Image string }
	if err := yaml.Unmarshal([]byte(c.Metadata.Annotations["artifacthub.io/images"]), &images); err != nil {
		t.Fatal(err)
	}
	objects, _, err := release{}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	for id, pod := range pods(t, objects) {
		if got := pod.Spec.Containers[0].Image; len(images) != 1 || got != images[0].Image {
			t.Errorf("%s runs %s, the annotation says %v", id, got, images)
		}
	}
}
