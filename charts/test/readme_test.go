package test

import (
	"maps"
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

// Whoever moves to another bus has the values of the old one in a file. With what the README adds, and
// without the settings that it names, the chart and the program take them.
func TestValuesGoAlongToAnotherBus(t *testing.T) {
	_, moving, _ := strings.Cut(readme(t), "\n## Moving to another bus\n")
	added := regexp.MustCompile("`--set (\\S+)`").FindAllStringSubmatch(moving, -1)
	if len(added) != 3 {
		t.Fatalf("the README adds %q", added)
	}
	fromShared, fromEmbedded, toShared := added[0][1], added[1][1], added[1][1]+","+added[2][1]
	own := regexp.MustCompile("^(kafka_.*|nats_.*|bus_.*|replicas|topics)$")
	const alone = "replicas: 1\npersistence: {existingClaim: mine}\nnatsService: {enabled: true, existingSecret: nats-clients}"
	for name, c := range map[string]struct{ values, added, to string }{
		"kafka to embedded":            {matrix(t)["kafka"], fromShared, "bus.kind=embedded"},
		"split kafka to a cluster":     {matrix(t)["kafka-split"], fromShared, "bus.kind=embedded-cluster"},
		"nats to a cluster":            {matrix(t)["nats"], fromShared, "bus.kind=embedded-cluster"},
		"split nats to embedded":       {matrix(t)["split-roles"], fromShared, "bus.kind=embedded"},
		"embedded to a cluster":        {alone, fromEmbedded, "bus.kind=embedded-cluster"},
		"embedded to nats":             {alone, toShared, "bus.kind=nats,bus.url=nats://n:4222"},
		"a cluster of five to kafka":   {merged(t, matrix(t)["embedded-cluster"], "replicas: 5"), toShared, "bus.kind=kafka,bus.url=kafka://k:9092"},
		"a cluster of five to one pod": {"bus: {kind: embedded-cluster}\nreplicas: 5", fromEmbedded, "bus.kind=embedded"},
	} {
		t.Run(name, func(t *testing.T) {
			values := map[string]any{}
			if err := yaml.Unmarshal([]byte(c.values), &values); err != nil {
				t.Fatal(err)
			}
			if config, ok := values["config"].(map[string]any); ok {
				maps.DeleteFunc(config, func(setting string, _ any) bool { return own.MatchString(setting) })
			}
			if err := strvals.ParseInto(c.added+","+c.to, values); err != nil {
				t.Fatal(err)
			}
			text, err := yaml.Marshal(values)
			if err != nil {
				t.Fatal(err)
			}
			checked(t, string(text))
		})
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
