//go:build unix

package bench

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// residentMB is the most memory that the process ever had, in MB.
func residentMB() float64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return float64(usage.Maxrss) / 1e6 // bytes there, KiB elsewhere
	}
	return float64(usage.Maxrss) * 1024 / 1e6
}
