package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/strvals"
	"sigs.k8s.io/yaml"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Values that the README shows are taken as they stand.
func TestValuesInTheReadmeAreTaken(t *testing.T) {
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(readme(t), -1)
	for _, block := range blocks {
		if _, _, err := (release{values: block[1]}).render(t); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
	}
	if len(blocks) < 10 {
		t.Errorf("only %d blocks of values were found", len(blocks))
	}
}

// Commands of Helm in the README give values that there are. Values that one command writes are ones
// that the next one reads, and an upgrade does not leave out what is new in the chart.
func TestHelmInTheReadmeIsGivenWhatThereIs(t *testing.T) {
	set, seen := regexp.MustCompile(`--set(-json)? ('[^']*'|\S+)`), 0
	for line := range strings.Lines(readme(t)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ helm ")
		if !ok {
			continue
		}
		if strings.Contains(command, " --reuse-values") {
			t.Errorf("values that are new in the chart are left out: %s", line)
		}
		if strings.HasPrefix(command, "get values") && !strings.Contains(command, "-o yaml") {
			t.Errorf("what this writes begins with a title that is no value: %s", line)
		}
		values := map[string]any{}
		for _, m := range set.FindAllStringSubmatch(command, -1) {
			seen++
			parse := strvals.ParseInto
			if m[1] != "" {
				parse = strvals.ParseJSON
			}
			if err := parse(strings.Trim(m[2], "'"), values); err != nil {
				t.Errorf("%v: %s", err, line)
			}
		}
		text, err := yaml.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := (release{values: string(text)}).render(t); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
	if seen < 9 {
		t.Errorf("only %d values were found", seen)
	}
}

// The program that pushes the image reads what the same library wrote.
func TestTheReadmePushesWithTheLibraryThatBuilds(t *testing.T) {
	text, err := os.ReadFile("../../.ci/release/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`github\.com/google/go-containerregistry (v\S+)`).FindStringSubmatch(string(text))
	if version == nil || !strings.Contains(readme(t), "go-containerregistry/cmd/crane@"+version[1]+" push --index ") {
		t.Errorf("the README does not push with %q", version)
	}
}
