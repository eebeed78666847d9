package natstest

import (
	"os"
	"testing"
)

// Folder is an empty folder until the test ends, in memory where the system has room for that:
// for tests whose subject is not the disk. What a cluster syncs is most of what it costs. A
// benchmark's is on the disk.
func Folder(t testing.TB) string {
	t.Helper()
	memory := inMemory()
	if _, measures := t.(*testing.B); measures || memory == "" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "hookspan-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the test's folder: %v", err)
		}
	})
	return dir
}
