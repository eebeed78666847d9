package app_test

import (
	"strings"
	"testing"
)

func TestAFolderThatCannotBeMadeIsAWarning(t *testing.T) {
	t.Parallel()
	list := warnings(t, "HOOKSPAN_DATA_DIR=/proc/hookspan/data") // where not even root makes one
	if len(list) != 1 || list[0].Where != "HOOKSPAN_DATA_DIR" || !strings.Contains(list[0].What, "/proc") {
		t.Errorf("warnings: %v", list)
	}
}
