package fault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Ballast takes the space of the file system that a folder is on.
type Ballast struct{ Folder string }

func (b Ballast) file() string { return filepath.Join(b.Folder, "ballast") }

// Fill goes on until no more than that many bytes are free.
func (b Ballast) Fill(leave int64) error {
	f, err := os.OpenFile(b.file(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for {
		free, err := b.Free()
		if err != nil || free <= leave {
			return err
		}
		if _, err := f.Write(block[:min(int64(len(block)), free-leave)]); errors.Is(err, unix.ENOSPC) {
			return nil // others took the rest
		} else if err != nil {
			return fmt.Errorf("fill the disk: %w", err)
		}
	}
}

// Free is what is free, in bytes.
func (b Ballast) Free() (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(b.Folder, &s); err != nil {
		return 0, fmt.Errorf("ask for the free space: %w", err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// Empty gives back what Fill took.
func (b Ballast) Empty() error { return os.Remove(b.file()) }
