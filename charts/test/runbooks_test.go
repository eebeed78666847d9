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
	cmd.Env = b.environ()
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	_ = cmd.Run() // the code says how it ended
	return text.String(), cmd.ProcessState.ExitCode()
}

func (b *busy) environ() []string {
	return []string{
		"HOOKSPAN_DATA_DIR=" + b.folder, "HOOKSPAN_ADMIN_TOKEN=" + testToken, "HOOKSPAN_SERVER=http://" + b.admin,
		"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_SHOP_SECRETS=" + testToken,
	}
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

// What kubectl answers, as far as runbooks ask it, with a process of this machine for a pod's.
const kubectlOfRunbooks = `#!/bin/sh
[ "$1 $2" = "-n events" ] || { echo "in which namespace: kubectl $*" >&2; exit 1; }
shift 2
case "$*" in
"exec hookspan-0 -- /hookspan "*) shift 4; exec "$PROGRAM" "$@" ;;
"get pods" | "get pods -l "* | "describe pods -l "* | "get pvc" | "top pods -l "* | "port-forward hookspan-0 8081:8081") ;;
"logs hookspan-0 --previous" | "logs -l "*" --tail=-1") cat "$SAID" ;;
*) echo "kubectl $*" >&2; exit 1 ;;
esac
`

// consoles are what a reader copies from a text.
var consoles = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")

// commandsIn are those of a text's blocks, which may go over several lines, and those of kubectl beside them.
func commandsIn(text string) (all []string) {
	for _, block := range consoles.FindAllStringSubmatch(text, -1) {
		for _, command := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			all = append(all, strings.TrimSpace(command))
		}
	}
	for _, m := range regexp.MustCompile("`(kubectl [^`]+)`").FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// Commands of the runbooks do what they say when they are typed with the reader's names in them: a shell
// takes them, pipes and all, and what they select by, pods have.
func TestRunbooksCanBeTyped(t *testing.T) {
	b, folder := keptBusy(t), t.TempDir()
	for program, text := range map[string]string{
		"kubectl": kubectlOfRunbooks,
		"curl":    "#!/bin/sh\nfor url; do :; done\nprintf %s \"$url\" >asked\n",
		"jq":      "#!/bin/sh\n[ \"$*\" = '-r .id' ] && sed 's/^{\"id\":\"\\([^\"]*\\)\".*/\\1/'\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, program), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	stand := strings.NewReplacer("NAMESPACE", "events", "RELEASE", "hookspan", "POD", "hookspan-0", "ENDPOINT", "crm", "SOURCE", "shop")
	objects, _, err := release{name: "hookspan"}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	labels := serving(t, objects)["hookspan"].Labels
	log, n := filepath.Join(folder, "log"), 0
	for _, path := range files(t, filepath.Join(dir, "runbooks/*.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range commandsIn(string(text)) {
			n++
			write(t, log, strings.Join(regexp.MustCompile(`grep '([^']+)'`).FindStringSubmatch(command), "\n"))
			shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", stand.Replace(command))
			shell.Dir = folder
			shell.Env = append(b.environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"), "PROGRAM="+hookspan(t), "SAID="+log)
			found := func() bool { return strings.HasSuffix(command, "doctor") && shell.ProcessState.ExitCode() == 1 }
			if out, err := shell.CombinedOutput(); err != nil && !found() {
				t.Errorf("%s: %s: %v\n%s", path, command, err, out)
			}
			if m := regexp.MustCompile(`-l (\S+)=(\S+)`).FindStringSubmatch(stand.Replace(command)); m != nil && labels[m[1]] != m[2] {
				t.Errorf("%s: no pod has the label %s=%s", path, m[1], m[2])
			}
		}
	}
	asked, err := os.ReadFile(filepath.Join(folder, "asked"))
	if err != nil || n < 15 {
		t.Fatalf("%d commands were typed, curl among them: %v", n, err)
	}
	res, err := http.Get(strings.Replace(string(asked), "127.0.0.1:8081", b.admin, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusOK { // the status says it all
		t.Errorf("%s is answered %d", asked, res.StatusCode)
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
