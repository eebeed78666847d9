package cli

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// What a packager says who builds without the repository (a tarball, -buildvcs=false):
//
//	-ldflags "-X …/cmd/hookspan/cli.version=1.2.3 -X ….commit=<hash> -X ….date=<RFC 3339>"
//
// Only the linker sets them; what it leaves out is taken from the build's own record.
var version, commit, date string

// A Build says what a binary was made of.
type Build struct {
	Version  string `json:"version"`            // a tag, a pseudo-version of the commit, or dev
	Commit   string `json:"commit"`             // "unknown" where nobody said
	Date     string `json:"date"`               // of the commit, RFC 3339; "unknown" where nobody said
	Modified bool   `json:"modified,omitempty"` // the tree was not as committed
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Version is that of this binary.
func Version() string { return ThisBuild().Version }

// ThisBuild is what this binary was made of.
func ThisBuild() Build {
	record, _ := debug.ReadBuildInfo() // nil in a binary without modules, which this is not
	return buildOf(record)
}

func buildOf(record *debug.BuildInfo) Build {
	b := Build{Version: version, Commit: commit, Date: date, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if record != nil {
		if b.Version == "" && record.Main.Version != "(devel)" {
			b.Version = record.Main.Version
		}
		for _, s := range record.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = cmp.Or(b.Commit, s.Value)
			case "vcs.time":
				b.Date = cmp.Or(b.Date, s.Value)
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	b.Version, b.Commit, b.Date = cmp.Or(b.Version, "dev"), cmp.Or(b.Commit, "unknown"), cmp.Or(b.Date, "unknown")
	return b
}

// String is the line for people.
func (b Build) String() string {
	words := []string{"commit " + b.Commit}
	if b.Modified {
		words[0] += ", modified"
	}
	words = append(words, b.Date, b.Go, b.Platform)
	return fmt.Sprintf("hookspan %s (%s)", b.Version, strings.Join(words, ", "))
}

// VersionCommand prints what this program is.
func VersionCommand(t *Terminal) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print version, commit and date of this program",
		Example: "  hookspan version\n  hookspan version --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(*cobra.Command, []string) error {
			b := ThisBuild()
			return t.Document(b, func(w io.Writer) { fmt.Fprintln(w, b) })
		}),
	}
}
