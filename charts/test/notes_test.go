package test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What kubectl answers, as far as the notes ask it, with a process of this machine for a pod's.
const kubectlOfNotes = `#!/bin/sh
case "$*" in
*"get secret hs-hookspan-auth -o jsonpath={.data.admin-token}") printf %s "$HOOKSPAN_ADMIN_TOKEN" | base64 ;;
*"get secret admin-tls -o jsonpath={.data.ca\.crt}") printf 'the authority' | base64 ;;
*" rollout status "* | *" port-forward "*) ;;
*" exec "*" -- /hookspan "*)
	while [ "$1" != -- ]; do shift; done
	shift 2
	exec "$HOOKSPAN_BINARY" "$@" ;;
*) echo "kubectl $*" >&2; exit 1 ;;
esac
`

// typedIn types the notes' commands into a shell as they stand, and returns how many there were and what
// curl was told. Files are left in the folder.
func typedIn(t *testing.T, folder, admin, notes string) (n int, told []string) {
	t.Helper()
	script := ""
	for line := range strings.Lines(notes) {
		for _, program := range []string{"kubectl ", "helm ", "curl ", "TOKEN="} {
			if strings.HasPrefix(line, "  "+program) {
				script += strings.TrimSpace(line) + "\n"
				n++
			}
		}
	}
	for program, text := range map[string]string{
		"kubectl": kubectlOfNotes,
		"helm":    "#!/bin/sh\n[ \"$*\" = 'test hs -n events --logs' ]\n",
		"curl":    "#!/bin/sh\nprintf '%s\\n' \"$@\" >told\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, program), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script+"wait")
	shell.Dir = folder
	shell.Env = append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"),
		"HOOKSPAN_BINARY="+hookspan(t), "HOOKSPAN_SERVER=http://"+admin, "HOOKSPAN_ADMIN_TOKEN="+testToken)
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	args, err := os.ReadFile(filepath.Join(folder, "told"))
	if err != nil {
		t.Fatal(err)
	}
	return n, strings.Split(strings.TrimSpace(string(args)), "\n")
}

// Commands of the notes do what they say when they are typed as they stand: a shell takes them, quotes
// and all. What curl is told is then asked for.
func TestTheNotesCanBeTyped(t *testing.T) {
	_, admin := running(t, "HOOKSPAN_ADMIN_TOKEN="+testToken)
	for name, want := range map[string]int{"default": 6, "ingress-tls": 7, "kafka-split": 8} {
		t.Run(name, func(t *testing.T) {
			_, notes, err := release{values: matrix(t)[name]}.render(t)
			if err != nil {
				t.Fatal(err)
			}
			folder := t.TempDir()
			n, told := typedIn(t, folder, admin, notes)
			if n != want {
				t.Errorf("%d commands, want %d:\n%s", n, want, notes)
			}
			asked, key, value := "", "", ""
			for i, arg := range told {
				if arg == "-H" {
					key, value, _ = strings.Cut(told[i+1], ": ")
				}
				if _, path, ok := strings.Cut(arg, ":8081/"); ok {
					asked = path
				}
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/"+asked, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set(key, value)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if _ = res.Body.Close(); asked == "" || res.StatusCode != http.StatusOK { // the status says it all
				t.Errorf("curl %q is answered %d", told, res.StatusCode)
			}
			ca, err := os.ReadFile(filepath.Join(folder, "hookspan-ca.crt"))
			if name == "ingress-tls" && (err != nil || string(ca) != "the authority") {
				t.Errorf("the authority's certificate: %q, %v", ca, err)
			}
		})
	}
}
