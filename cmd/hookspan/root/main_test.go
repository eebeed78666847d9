package root_test

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if err := sideBySide(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
