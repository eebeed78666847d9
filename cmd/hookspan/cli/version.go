package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is the module's version as the linker recorded it.
func Version() string {
	build, ok := debug.ReadBuildInfo()
	if !ok || build.Main.Version == "" || build.Main.Version == "(devel)" {
		return "dev"
	}
	return build.Main.Version
}

// VersionCommand prints what this program is.
func VersionCommand(t *Terminal) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  hookspan version --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(*cobra.Command, []string) error {
			v := struct {
				Version  string `json:"version"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{Version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return t.Document(v, func(w io.Writer) {
				fmt.Fprintf(w, "hookspan %s (%s, %s)\n", v.Version, v.Go, v.Platform)
			})
		}),
	}
}
