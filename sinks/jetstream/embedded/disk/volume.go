package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// ErrInUse: another process, or another server of this one, has the data folder.
var ErrInUse = errors.New("data folder is in use by another process")

// Space is what a volume has, in bytes.
type Space struct{ Free, Size int64 }

// Usage is the size of all files under dir; nothing when there is no such folder.
func Usage(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreGone(err)
		}
		if info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure the store: %w", err)
	}
	return sum, nil
}
