package memory

import (
	"log/slog"
	"os"
	"runtime/debug"
)

const (
	// share of the cgroup's limit that the runtime may take. The rest is for what it does not
	// count: the binary's own pages, and those of files that are mapped or cached.
	share = 0.9
	// growth of the heap between collections, in percent of what is in use.
	growth = 50
)

// Bound sets the runtime's limit and the growth of its heap, and logs what holds.
func Bound(log *slog.Logger) {
	limit, limited := cgroupLimit(os.DirFS("/"))
	switch given := os.Getenv("GOMEMLIMIT"); {
	case given != "":
		log.Info("memory bounded", slog.String("by", "GOMEMLIMIT"), slog.String("detail", given))
	case limited:
		bound := int64(float64(limit) * share)
		debug.SetMemoryLimit(bound)
		log.Info("memory bounded", slog.String("by", "cgroup"), slog.Int64("cgroup_bytes", limit), slog.Int64("limit_bytes", bound))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
}
