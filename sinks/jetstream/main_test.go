package jetstream_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
)

// These tests wait for leases, servers and networks more than they compute, so more of them run
// side by side than there are cores.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", fmt.Sprint(max(4, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
