package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// built is the program, for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hookspan-chart-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "hookspan")
	build := exec.Command("go", "build", "-o", bin, "./cmd/hookspan")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return bin, fmt.Errorf("%w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, _ := built(); bin != "" {
		_ = os.RemoveAll(filepath.Dir(bin)) // it is in the temporary folder
	}
	os.Exit(code)
}

func hookspan(t *testing.T) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// running starts the program with an embedded bus and these variables, and returns its addresses
// once it is ready.
func running(t *testing.T, environ ...string) (intake, admin string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), hookspan(t))
	cmd.Env = append([]string{"HOOKSPAN_DATA_DIR=" + t.TempDir(), "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0", "HOOKSPAN_LOG_FORMAT=json"}, environ...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // it was killed: the test's context is over
	var line struct{ Msg, Intake, Admin string }
	lines := bufio.NewScanner(log)
	for line.Msg != "ready" {
		if !lines.Scan() {
			t.Fatal("the program ended before it was ready")
		}
		_ = json.Unmarshal(lines.Bytes(), &line) // other lines may be others' text
	}
	go func() { _, _ = io.Copy(io.Discard, log) }() // ends with the process
	return line.Intake, line.Admin
}

// mounted is a file that a pod would find in a Secret.
var mounted = regexp.MustCompile(`/run/hookspan/[A-Za-z0-9._/-]+`)

// What a file holds that is more than any text.
func content(path string) string {
	switch {
	case strings.HasSuffix(path, "seal-key"):
		return "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	case strings.Contains(path, "/billing/"), strings.Contains(path, "/crm/secret"), strings.HasSuffix(path, "-test/secret"):
		return "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	case strings.HasSuffix(path, "/aes"):
		return "ThirtyTwoCharactersOfAKeyPhrase1"
	}
	return "a-secret-of-the-tests-only"
}

// The configuration that the chart writes is one that the program takes. Certificates are left
// out: the program reads them when it starts.
func TestTheProgramTakesWhatTheChartWrites(t *testing.T) {
	for name, values := range matrix(t) {
		t.Run(name, func(t *testing.T) { checked(t, values) })
	}
}

// checked renders values, and has the program check what the chart writes of them.
func checked(t *testing.T, values string) {
	t.Helper()
	objects, _, err := release{values: values}.render(t)
	if err != nil {
		t.Fatal(err)
	}
	file, config := configured(t, objects)
	check := exec.Command(hookspan(t), "config", "check")
	check.Env = []string{"HOOKSPAN_CONFIG=" + file, "CRM_SECRET=" + content("/crm/secret"), "HOOKSPAN_EMBEDDED_USER=apps"}
	if !strings.Contains(config, "embedded_listen") {
		check.Env = check.Env[:2]
	}
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, config)
	}
}

// configured writes the configuration of a release, and every file that it names, where a process
// without a pod finds them.
func configured(t *testing.T, objects []string) (file, config string) {
	t.Helper()
	dir := t.TempDir()
	for _, text := range objects {
		var m corev1.ConfigMap
		if yaml.Unmarshal([]byte(text), &m) != nil || m.Kind != "ConfigMap" || !strings.HasSuffix(m.Name, "-config") {
			continue
		}
		config = m.Data["hookspan.yaml"]
		for file, text := range m.Data {
			if own, ok := strings.CutPrefix(file, "provider."); ok {
				write(t, filepath.Join(dir, "etc/providers", own), text)
			}
			if own, ok := strings.CutPrefix(file, "schema."); ok {
				write(t, filepath.Join(dir, "etc/schemas", strings.ReplaceAll(own, "..", "@")), text)
			}
		}
	}
	lines := strings.Split(config, "\n")
	config = ""
	for _, line := range lines {
		if !strings.Contains(line, "tls") && !strings.HasPrefix(line, "bus_ca") && !strings.HasPrefix(line, "nats_creds") {
			config += line + "\n"
		}
	}
	config = strings.NewReplacer("/etc/hookspan", dir+"/etc", "data_dir: /data/", "data_dir: "+dir+"/data/").Replace(config)
	config = mounted.ReplaceAllStringFunc(config, func(path string) string {
		write(t, dir+path, content(path))
		return dir + path
	})
	file = filepath.Join(dir, "hookspan.yaml")
	write(t, file, config)
	return file, config
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
