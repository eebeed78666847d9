package app_test

import (
	"os"
	"runtime/debug"
	"testing"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // each test reads and compiles much of the catalogue
	os.Exit(m.Run())
}
