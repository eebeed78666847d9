package cli

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestABuildSaysWhatItIsMadeOf(t *testing.T) {
	t.Parallel()
	setting := func(pairs ...string) (all []debug.BuildSetting) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, debug.BuildSetting{Key: pairs[i], Value: pairs[i+1]})
		}
		return all
	}
	for name, c := range map[string]struct {
		record *debug.BuildInfo
		want   Build
		line   string
	}{
		"nothing is known": {nil, Build{Version: "dev", Commit: "unknown", Date: "unknown"}, "hookspan dev (commit unknown, unknown, go"},
		"no repository":    {&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, Build{Version: "dev", Commit: "unknown", Date: "unknown"}, "hookspan dev (commit unknown, unknown, go"},
		"go install":       {&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, Build{Version: "v1.2.3", Commit: "unknown", Date: "unknown"}, "hookspan v1.2.3 (commit unknown"},
		"a tree": {
			&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: setting("vcs", "git", "vcs.revision", "4c0dd40", "vcs.time", "2026-11-29T08:48:00Z", "vcs.modified", "false")},
			Build{Version: "v1.2.3", Commit: "4c0dd40", Date: "2026-11-29T08:48:00Z"}, "hookspan v1.2.3 (commit 4c0dd40, 2026-11-29T08:48:00Z, go",
		},
		"a tree with changes": {
			&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3+dirty"}, Settings: setting("vcs.revision", "4c0dd40", "vcs.time", "2026-11-29T08:48:00Z", "vcs.modified", "true")},
			Build{Version: "v1.2.3+dirty", Commit: "4c0dd40", Date: "2026-11-29T08:48:00Z", Modified: true}, "(commit 4c0dd40, modified, 2026",
		},
	} {
		got := buildOf(c.record)
		if line := got.String(); !strings.Contains(line, c.line) {
			t.Errorf("%s: %s", name, line)
		}
		if got.Go == "" || got.Platform == "" {
			t.Errorf("%s: %+v", name, got)
		}
		got.Go, got.Platform = "", ""
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
