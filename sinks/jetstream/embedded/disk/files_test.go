package disk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded/disk"
)

func TestSyncFilesSyncsWhatChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sync := disk.SyncChanged(dir)
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := os.WriteFile(filepath.Join(dir, "a", "b", fmt.Sprint(i)), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := sync(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if err := sync(); err != nil {
		t.Errorf("after the folder was removed: %v", err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := sync(); err != nil {
		t.Errorf("after all was removed: %v", err)
	}
}
