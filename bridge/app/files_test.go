package app

import "testing"

// An eighth is left for the bus's own connections and its files, however many connections there are.
func TestAnEighthOfTheFilesIsLeft(t *testing.T) {
	t.Parallel()
	for _, files := range []int{128, 256, 1024, 16384, 1 << 20} {
		if taken := intakeConnections(0, files) + controlConnections(files) + busConnections(200, files) + egressConnections(files); taken > files-files/8 {
			t.Errorf("of %d files connections may take %d", files, taken)
		}
	}
}

func TestWhoAsksForManyConnectionsLeavesThoseOfEndpoints(t *testing.T) {
	t.Parallel()
	for _, files := range []int{256, 1024, 1 << 20} {
		if left := files - intakeConnections(1<<30, files) - egressConnections(files); left < files/4 {
			t.Errorf("of %d files %d are left", files, left)
		}
	}
}
