package test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// A busy process has a source, an endpoint that cannot be reached, and a delivery to it that
// has failed for good.
type busy struct {
	admin, folder string
	delivery      string
}

const testToken = "a-token-of-the-tests"

func keptBusy(t *testing.T) *busy {
	t.Helper()
	b := &busy{folder: t.TempDir()}
	var intake string
	intake, b.admin = running(t, "HOOKSPAN_DATA_DIR="+b.folder, "HOOKSPAN_ADMIN_TOKEN="+testToken, "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8",
		"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_SHOP_SECRETS="+testToken)
	if out, code := b.run(t, "endpoints", "create", "crm", "--url", "http://127.0.0.1:1/", "--signature", "none", "--schedule", "1ms"); code != 0 {
		t.Fatalf("create: %s", out)
	}
	send(t, intake)
	for limit := time.Now().Add(30 * time.Second); b.delivery == ""; {
		out, code := b.run(t, "deliveries", "list", "--status", "failed", "--json")
		var d struct{ ID string }
		if line, _, found := strings.Cut(out, "\n"); found && code == 0 && json.Unmarshal([]byte(line), &d) == nil {
			b.delivery = d.ID
		}
		if time.Now().After(limit) {
			t.Fatalf("no delivery has failed: %s", out)
		}
	}
	return b
}

// send sends a webhook that is taken.
func send(t *testing.T, intake string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+intake+"/webhooks/shop", strings.NewReader(saved))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	req.Header.Set("Authorization", "Bearer "+testToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusOK { // the status says it all
		t.Fatalf("the webhook was answered %d", res.StatusCode)
	}
}

const saved = `{"specversion":"1.0","id":"1","source":"/t","type":"t.made"}`

// run is a command beside the process, as kubectl exec runs it in a pod.
func (b *busy) run(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), hookspan(t), args...)
	cmd.Env = []string{
		"HOOKSPAN_DATA_DIR=" + b.folder, "HOOKSPAN_ADMIN_TOKEN=" + testToken, "HOOKSPAN_SERVER=http://" + b.admin,
		"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_SHOP_SECRETS=" + testToken,
	}
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	_ = cmd.Run() // the code says how it ended
	return text.String(), cmd.ProcessState.ExitCode()
}

// commands are those of the program in a text: in a pod, or by name.
var commands = regexp.MustCompile("(?:-- /hookspan|`hookspan) ([a-z][^`\n|]*)")

// Commands of runbooks are run beside a process that is in trouble; what they name otherwise is
// there: metrics, settings, objects of the chart.
func TestRunbooksCanBeFollowed(t *testing.T) {
	b := keptBusy(t)
	request := filepath.Join(t.TempDir(), "request.http")
	write(t, request, "POST /webhooks/shop HTTP/1.1\nContent-Type: application/cloudevents+json\nAuthorization: Bearer "+testToken+"\n\n"+saved)
	stand := strings.NewReplacer("ID", b.delivery, "{}", b.delivery, "SOURCE", "shop", "ENDPOINT", "crm", "request.http", request)
	measured, settings, objects := measuredBy(t, b.admin), chartSettings(t), objectsOf(t)
	ran, named := 0, 0
	for _, path := range files(t, filepath.Join(dir, "runbooks/*.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range commands.FindAllStringSubmatch(string(text), -1) {
			ran++
			args := strings.Fields(stand.Replace(m[1]))
			switch out, code := b.run(t, args...); {
			case code == 0, code == 1 && (args[0] == "doctor" || args[0] == "verify"): // they have found something
			case code == 1 && args[0] == "endpoints" && args[1] == "test": // nobody listens there
			default:
				t.Errorf("%s: hookspan %s ends with %d: %s", path, m[1], code, out)
			}
		}
		for _, name := range regexp.MustCompile(`hookspan_[a-z_]+`).FindAllString(string(text), -1) {
			if measured[name] == nil {
				t.Errorf("%s: there is no metric %s", path, name)
			}
		}
		for _, m := range regexp.MustCompile("`config\\.([a-z_]+)").FindAllStringSubmatch(string(text), -1) {
			if !settings[m[1]] {
				t.Errorf("%s: there is no setting %s", path, m[0])
			}
		}
		for _, m := range regexp.MustCompile(`\bNAME(-[a-z]+)`).FindAllStringSubmatch(string(text), -1) {
			named++
			if !objects["hookspan"+m[1]] {
				t.Errorf("%s: the chart makes no %s", path, m[0])
			}
		}
	}
	if ran < 10 || named < 1 {
		t.Errorf("only %d commands and %d objects were found", ran, named)
	}
}

// What runbooks look for in the log is what the program writes there.
func TestRunbooksKnowTheLog(t *testing.T) {
	var written strings.Builder
	for _, path := range append(files(t, "../../bridge/*/*.go"), files(t, "../../cmd/hookspan/*/*.go")...) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		written.Write(text)
	}
	sought := 0
	for _, path := range append(files(t, filepath.Join(dir, "runbooks/*.md")), filepath.Join(dir, "README.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`grep '([^']+)'`).FindAllStringSubmatch(string(text), -1) {
			sought++
			if !strings.Contains(written.String(), `"`+m[1]) {
				t.Errorf("%s: no line of the log says %q", path, m[1])
			}
		}
	}
	if sought < 2 {
		t.Errorf("only %d searches were found", sought)
	}
}

// chartSettings are the keys of config.
func chartSettings(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Config struct{ Properties map[string]any }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for name := range schema.Defs.Config.Properties {
		found[name] = true
	}
	return found
}

// objectsOf are the names of what the chart makes.
func objectsOf(t *testing.T) map[string]bool {
	t.Helper()
	objects, _, err := release{name: "hookspan"}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, text := range objects {
		var meta metav1.PartialObjectMetadata
		if err := yaml.Unmarshal([]byte(text), &meta); err != nil {
			t.Fatal(err)
		}
		found[meta.Name] = true
	}
	return found
}
