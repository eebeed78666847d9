package app

import "testing"

func TestAQuarterOfTheFilesIsLeft(t *testing.T) {
	t.Parallel()
	for _, files := range []int{128, 256, 1024, 16384, 1 << 20} {
		if taken := intakeConnections(0, files) + controlConnections(files) + busConnections(200, files); taken > files-files/4 {
			t.Errorf("of %d files connections may take %d", files, taken)
		}
	}
}
