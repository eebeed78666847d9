//go:build unix

package embedded

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// Between fork and exec a child has a copy of each descriptor.
func TestAFolderIsFreeAlthoughAChildHasACopyOfItsLock(t *testing.T) {
	dir := t.TempDir()
	lock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockDir(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("taken twice: %v", err)
	}
	copied, err := unix.Dup(int(lock.(folderLock).file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(copied)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
