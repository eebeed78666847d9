//go:build unix

package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openToSync opens a file or folder: any descriptor can sync it.
func openToSync(path string) (*os.File, error) { return os.Open(path) }

// A folderLock is a folder taken for this process, until Close or the end of the process.
type folderLock struct{ file *os.File }

// Close frees the folder, whoever has a copy of the descriptor: a process that was just forked
// and is not yet its own program has one.
func (l folderLock) Close() error {
	return errors.Join(unix.Flock(int(l.file.Fd()), unix.LOCK_UN), l.file.Close())
}

// Lock takes the folder.
func Lock(dir string) (io.Closer, error) {
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
	return folderLock{f}, nil
}

// Volume is the space of the file system under dir, as an unprivileged user sees it.
func Volume(dir string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Space{}, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	block := int64(s.Bsize)
	return Space{Free: int64(s.Bavail) * block, Size: int64(s.Blocks) * block}, nil
}
