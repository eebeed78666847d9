//go:build race

package embedded

import "time"

// Long enough for a store to be made before its first sync: nats-server's own timer and the
// making of a store race otherwise (setSyncTimer of its file store), and that would be found
// instead of ours.
const syncInterval = 10 * time.Second
