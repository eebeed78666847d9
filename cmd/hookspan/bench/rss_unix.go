//go:build unix

package bench

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// residentMB is the most memory that the process ever had, in MB.
func residentMB() float64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return maxRSS(int64(usage.Maxrss))
}

// endedMB is the most memory that a process had that has ended, in MB.
func endedMB(p *os.ProcessState) float64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return maxRSS(int64(usage.Maxrss))
}

func maxRSS(n int64) float64 {
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return float64(n) / 1e6 // bytes there, KiB elsewhere
	}
	return float64(n) * 1024 / 1e6
}
