//go:build unix

package disk

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// Between fork and exec a child has a copy of each descriptor.
func TestAFolderIsFreeAlthoughAChildHasACopyOfItsLock(t *testing.T) {
	dir := t.TempDir()
	lock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrInUse) {
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
	again, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
