package test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The two versions of Kubernetes before the newest, each a module file in older.
func TestEveryObjectIsOneThatOlderKubernetesKnows(t *testing.T) {
	ours := map[string]bool{"v1": true, "apps/v1": true, "autoscaling/v2": true, "networking.k8s.io/v1": true, "policy/v1": true}
	var all []string
	everyObject(t, "", func(_ string, meta metav1.PartialObjectMetadata, text string) {
		if ours[meta.APIVersion] {
			all = append(all, text)
		}
	})
	modfiles := files(t, "older/*.mod")
	if len(modfiles) != 2 {
		t.Errorf("%d versions: %v", len(modfiles), modfiles)
	}
	for _, modfile := range modfiles {
		t.Run(filepath.Base(modfile), func(t *testing.T) {
			decode := exec.Command("go", "run", "-modfile="+filepath.Base(modfile), ".")
			decode.Dir = "older"
			decode.Stdin = strings.NewReader(strings.Join(all, "\n---\n"))
			if out, err := decode.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
