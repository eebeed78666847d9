package embedded

import (
	"fmt"
	"io/fs"
	"path/filepath"
)

// space is what a volume has, in bytes.
type space struct{ free, size int64 }

const maxWatermark = 256 << 20

// planSpace fills in the limits that depend on the disk. The store and the watermark together
// never exceed what is there.
func (o *Options) planSpace() error {
	v, err := volume(o.Dir)
	if err != nil {
		return err
	}
	stored, err := usage(filepath.Join(o.Dir, "jetstream"))
	if err != nil {
		return err
	}
	if o.Watermark == 0 {
		o.Watermark = min(v.size/20, maxWatermark)
	}
	if o.MaxStore == 0 {
		ours := v.free + stored
		o.MaxStore = max(min(ours/10*8, ours-o.Watermark), minStore)
	}
	return nil
}

// minStore lets a server start on a volume without room: it refuses events, and says why.
const minStore = 16 << 20

// usage is the size of all files under dir; nothing when there is no such folder.
func usage(dir string) (int64, error) {
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
