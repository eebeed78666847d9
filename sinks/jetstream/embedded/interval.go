//go:build !race

package embedded

import "time"

// syncInterval bounds what a power cut loses without a sync of ours.
const syncInterval = 100 * time.Millisecond
