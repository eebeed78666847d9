package root_test

import (
	"os"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/root"
)

// programVariable makes a process of this test binary the program: some commands start it again.
const programVariable = "ROOT_BE_HOOKSPAN"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		os.Exit(root.Main())
	}
	if err := sideBySide(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
