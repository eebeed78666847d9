package embedded

import (
	"path/filepath"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded/disk"
)

const (
	maxWatermark = 256 << 20
	// minStore lets a server start on a volume without room: it refuses events, and says why.
	minStore = 16 << 20
)

// planSpace fills in the limits that depend on the disk. The store and the watermark together
// never exceed what is there.
func (o *Options) planSpace() error {
	v, err := disk.Volume(o.Dir)
	if err != nil {
		return err
	}
	stored, err := disk.Usage(filepath.Join(o.Dir, "jetstream"))
	if err != nil {
		return err
	}
	if o.Watermark == 0 {
		o.Watermark = min(v.Size/20, maxWatermark)
	}
	if o.MaxStore == 0 {
		ours := v.Free + stored
		o.MaxStore = max(min(ours/10*8, ours-o.Watermark), minStore)
	}
	return nil
}
