//go:build unix

package embedded

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openToSync opens a file or folder: any descriptor can sync it.
func openToSync(path string) (*os.File, error) { return os.Open(path) }

// lockDir takes the folder for this process; it is free again when the file is closed, also
// by a crash.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
		}
		return nil, fmt.Errorf("lock the data folder %s: %w", dir, err)
	}
	return f, nil
}

// volume is the space of the file system under dir, as an unprivileged user sees it.
func volume(dir string) (space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return space{}, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	block := int64(s.Bsize)
	return space{free: int64(s.Bavail) * block, size: int64(s.Blocks) * block}, nil
}
