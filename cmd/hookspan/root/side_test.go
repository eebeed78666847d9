//go:build !race

package root_test

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

// sideBySide runs more tests at a time than there are cores: they wait for servers more than
// they compute. Under the race detector they compute.
func sideBySide() error {
	debug.SetGCPercent(400) // a dozen servers share the heap
	return flag.Set("test.parallel", fmt.Sprint(max(8, runtime.GOMAXPROCS(0))))
}
