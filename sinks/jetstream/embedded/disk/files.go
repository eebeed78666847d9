package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// clockGrain is coarser than the time stamps of any file system: a file that changed within
// it before the last pass may have changed again without another stamp.
const clockGrain = 3 * time.Second

// files syncs what changed in a folder since the pass before. It serves where the system
// cannot sync a whole file system at once.
type files struct {
	dir  string
	seen map[string]stamp // as of the last pass that succeeded
}

type stamp struct {
	size    int64
	changed time.Time
	looked  time.Time
}

func newFiles(dir string) *files { return &files{dir: dir, seen: map[string]stamp{}} }

// sync makes durable whatever was written to the folder before the call.
func (f *files) sync() error {
	now := make(map[string]stamp, len(f.seen))
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		if !d.IsDir() && !d.Type().IsRegular() {
			return nil
		}
		looked := time.Now()
		info, err := d.Info()
		if err != nil {
			return ignoreGone(err)
		}
		s := stamp{size: info.Size(), changed: info.ModTime(), looked: looked}
		if old, known := f.seen[path]; !known || old.stale(s) {
			if err := SyncFile(path); err != nil {
				return err
			}
		}
		now[path] = s
		return nil
	})
	if err != nil {
		return fmt.Errorf("sync the data folder: %w", err)
	}
	f.seen = now
	return nil
}

// stale reports whether the file may have changed since it was synced as old.
func (old stamp) stale(s stamp) bool {
	return old.size != s.size || !old.changed.Equal(s.changed) || old.changed.After(old.looked.Add(-clockGrain))
}

// SyncFile makes a file or folder durable; one that is not there any more needs nothing.
func SyncFile(path string) error {
	f, err := openToSync(path)
	if err != nil {
		return ignoreGone(err)
	}
	return errors.Join(f.Sync(), f.Close())
}

// ignoreGone: a file that was removed meanwhile needs no sync, its folder gets one.
func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
