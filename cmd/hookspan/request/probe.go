package request

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

func probeCommand(t *cli.Terminal) *cobra.Command {
	var bodyFile string
	var secret cli.SecretFlags
	var headers []string
	cmd := &cobra.Command{
		Use:   "probe PROVIDER",
		Short: "Find the cipher of a captured body",
		Long: "Try every cipher, key derivation, IV, container and encoding on one captured body, and name those that give a JSON object.\n" +
			"What it prints goes into the OPTIONS of the source; a running server never guesses.",
		Example: "  hookspan provider probe sticky --body-file body --secret S\n  hookspan provider probe sticky --body-file body --secret-file phrase --json",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&bodyFile, "body-file", "", "file with the body as it came; - reads standard input")
	cmd.Flags().StringArrayVar(&headers, "header", nil, "Name: value that came along (repeatable)")
	secret.Flags(cmd)
	cmd.RunE = t.Action(func(_ *cobra.Command, args []string) error {
		p, err := providerOf(t, args[0])
		if err != nil {
			return err
		}
		body, err := t.ReadInput("--body-file", bodyFile)
		if err != nil {
			return err
		}
		header, err := cli.HeaderOf(headers)
		if err != nil {
			return err
		}
		secrets, err := secret.Open()
		if err != nil {
			return err
		}
		found := []provider.ProbeResult{}
		none := errors.New("no scheme gives a JSON object: check that the body is whole and that this is its secret")
		for _, one := range secrets {
			fits, err := p.Probe(header, body, one)
			switch {
			case errors.Is(err, provider.ErrNoIV):
				none = err
			case err != nil:
				return cli.Usage("%w", err)
			}
			found = append(found, fits...)
		}
		if len(found) == 0 {
			return none
		}
		return t.Document(struct {
			Provider string                 `json:"provider"`
			Options  string                 `json:"options"` // of the likeliest, ready for _OPTIONS
			Schemes  []provider.ProbeResult `json:"schemes"`
		}{p.Name, found[0].Options, found}, func(w io.Writer) { writeSchemes(w, found) })
	})
	return cmd
}

func writeSchemes(w io.Writer, found []provider.ProbeResult) {
	fmt.Fprintf(w, "OPTIONS=%s\n", found[0].Options)
	if !found[0].Authenticated {
		fmt.Fprintln(w, "This cipher proves nothing about who sent a body; give client_app_key too if the sender has one.")
	}
	for _, other := range found[1:] {
		fmt.Fprintf(w, "also fits: %s\n", other.Options)
	}
}
