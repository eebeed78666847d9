//go:build !unix

package bench

import "runtime"

// residentMB is what the runtime has from the system, in MB, where the system does not tell.
func residentMB() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys) / 1e6
}
