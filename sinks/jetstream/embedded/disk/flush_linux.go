package disk

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// NewFlush returns a function that syncs the whole file system under dir (syncfs(2)): it
// cannot miss a file that the server has just begun. The folder stays open all the time,
// because the kernel reports a failed write-back once to every descriptor that was open then.
func NewFlush(dir string) (flush func() error, closer func() error, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open the data folder to sync it: %w", err)
	}
	return func() error {
		for {
			err := unix.Syncfs(int(d.Fd()))
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return fmt.Errorf("sync the data folder: %w", err)
			}
			return nil
		}
	}, d.Close, nil
}
