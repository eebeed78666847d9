package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// self is the test's own binary, which is enough of a program for what is asked here.
func self(t *testing.T) binary {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return binary{os: "linux", arch: runtime.GOARCH, path: path}
}

func image(t *testing.T) v1.Image {
	t.Helper()
	img, err := imageOf(self(t))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestTheImageSaysWhatItIs(t *testing.T) {
	file, err := image(t).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := file.Config
	if c.User != "65532:65532" || len(c.Entrypoint) != 1 || c.Entrypoint[0] != "/hookspan" || file.OS != "linux" || file.Architecture != runtime.GOARCH {
		t.Errorf("it runs %v as %q on %s/%s", c.Entrypoint, c.User, file.OS, file.Architecture)
	}
	for _, label := range []string{"title", "source", "licenses", "version", "revision", "created"} {
		if _, ok := c.Labels["org.opencontainers.image."+label]; !ok {
			t.Errorf("no label says its %s: %v", label, c.Labels)
		}
	}
}

func TestTwoImagesOfAProgramAreTheSame(t *testing.T) {
	one, err := image(t).Digest()
	if err != nil {
		t.Fatal(err)
	}
	two, err := image(t).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if one != two {
		t.Errorf("%s, then %s", one, two)
	}
}

// What a program from scratch has nowhere else: the authorities of the web and the time zones, and a
// folder that any user may write to.
func TestWhatIsInTheImage(t *testing.T) {
	packed, err := pack(self(t).path)
	if err != nil {
		t.Fatal(err)
	}
	files, modes := map[string][]byte{}, map[string]int64{}
	for r := tar.NewReader(bytes.NewReader(packed)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		modes[h.Name] = h.Mode
	}
	if len(files) != 4 || modes["data/"] != 0o1777 || modes["hookspan"] != 0o555 {
		t.Errorf("files and modes: %v", modes)
	}
	roots := 0
	for rest := files[certificates]; ; roots++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
	}
	if roots < 100 {
		t.Errorf("%d authorities", roots)
	}
	all, err := zip.NewReader(bytes.NewReader(files[zones]), int64(len(files[zones])))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all.Open("Europe/Berlin"); err != nil {
		t.Error(err)
	}
}

// Every module of the binary is in the list, Go with them, and what relations name is there.
func TestTheListOfModulesIsWhole(t *testing.T) {
	listed(t, self(t), "stdlib", "github.com/google/go-containerregistry", besideProgram)
	other, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	listed(t, binary{path: other}, "stdlib", besideProgram) // what the image has beside a program that knows nothing of it
}

func listed(t *testing.T, b binary, want ...string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spdx.json")
	if err := writeSBOM(path, b); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc spdx
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	ids, names := map[string]bool{doc.ID: true}, map[string]bool{}
	for _, p := range doc.Packages {
		if ids[p.ID] || !regexp.MustCompile(`^SPDXRef-[A-Za-z0-9.-]+$`).MatchString(p.ID) {
			t.Errorf("%q is no id, or one that was there", p.ID)
		}
		ids[p.ID], names[p.Name] = true, true
	}
	for _, name := range want {
		if !names[name] {
			t.Errorf("%s is not listed", name)
		}
	}
	for _, r := range doc.Relationships {
		if !ids[r.From] || !ids[r.To] {
			t.Errorf("%s %s %s: one of them is not there", r.From, r.Type, r.To)
		}
	}
	if doc.Version != "SPDX-2.3" || len(doc.Relationships) != len(doc.Packages) {
		t.Errorf("%s, %d packages and %d relations", doc.Version, len(doc.Packages), len(doc.Relationships))
	}
}
