package request

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

func languageCommand(t *cli.Terminal) *cobra.Command {
	schema := false
	cmd := &cobra.Command{
		Use:     "language",
		Short:   "Show what a provider file may say, with an example for every word",
		Long:    "Show the reference of provider files, in Markdown. With --schema it is their JSON Schema, by which editors complete and check.",
		Example: "  hookspan provider language\n  hookspan provider language --schema > provider.json",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&schema, "schema", false, "the JSON Schema, as with --json")
	cmd.RunE = t.Action(func(*cobra.Command, []string) error {
		l, err := provider.Language()
		if err != nil {
			return err
		}
		if schema || t.JSON {
			text, err := l.SchemaText()
			if err == nil {
				_, err = t.Out.Write(text)
			}
			return err
		}
		_, err = fmt.Fprint(t.Out, l.Page())
		return err
	})
	return cmd
}
