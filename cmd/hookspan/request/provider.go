package request

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

func ProviderCommand(t *cli.Terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "provider",
		Short: "Look up providers and what their files may say, write and test your own, or find out how one encrypts",
		Long:  "Look up providers: how a webhook system signs, encrypts and names. Files of HOOKSPAN_PROVIDERS_DIR are among them.",
		Example: "  hookspan provider list\n  hookspan provider show sticky\n  hookspan provider new shop --request request.txt --secret-file secret --output providers\n" +
			"  hookspan provider test providers/shop.yaml\n  hookspan provider probe sticky --body-file body --secret S",
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(listCommand(t), showCommand(t), languageCommand(t), newCommand(t), testCommand(t), probeCommand(t))
	return cmd
}

// A providerItem is a provider in a list.
type providerItem struct {
	Name       string         `json:"name"`
	Title      string         `json:"title"`
	Proof      provider.Proof `json:"proof"`
	Verified   []string       `json:"verified"`
	Unverified []string       `json:"unverified"`
}

func itemOf(p *provider.Provider) providerItem {
	return providerItem{p.Name, p.Title, p.Proof, append([]string{}, p.Verified...), append([]string{}, p.Unverified...)}
}

// catalog loads every provider, those of the operator's own folder included.
func catalog(t *cli.Terminal) (*provider.Catalog, error) {
	return provider.Load(t.Variable("HOOKSPAN_PROVIDERS_DIR"))
}

// providerOf finds one by name.
func providerOf(t *cli.Terminal, name string) (*provider.Provider, error) {
	c, err := catalog(t)
	if err != nil {
		return nil, err
	}
	return providerIn(c, name)
}

func providerIn(c *provider.Catalog, name string) (*provider.Provider, error) {
	p, found := c.Provider(name)
	if !found {
		return nil, cli.Usage("there is no provider %q; hookspan provider list names all", name)
	}
	return p, nil
}

func listCommand(t *cli.Terminal) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the providers",
		Example: "  hookspan provider list --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(*cobra.Command, []string) error {
			catalog, err := catalog(t)
			if err != nil {
				return err
			}
			g := cli.NewGrid(t.Out, "NAME", "TITLE", "PROOF", "VERIFIED", "UNVERIFIED")
			for _, name := range catalog.Names() {
				p, _ := catalog.Provider(name)
				if t.JSON {
					if err := t.Line(itemOf(p)); err != nil {
						return err
					}
					continue
				}
				g.Row(p.Name, p.Title, string(p.Proof), strconv.Itoa(len(p.Verified)), strconv.Itoa(len(p.Unverified)))
			}
			if t.JSON {
				return nil
			}
			return g.End()
		}),
	}
}

func showCommand(t *cli.Terminal) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a provider: what is known of it, and its options",
		Example: "  hookspan provider show sticky",
		Args:    cobra.ExactArgs(1),
		RunE: t.Action(func(_ *cobra.Command, args []string) error {
			p, err := providerOf(t, args[0])
			if err != nil {
				return err
			}
			v := struct {
				providerItem
				Secrets string            `json:"secrets"`
				Methods []string          `json:"methods"`
				Options []provider.Option `json:"options"`
			}{itemOf(p), p.Secrets, p.Methods, append([]provider.Option{}, p.Options...)}
			return t.Document(v, func(w io.Writer) { writeProvider(w, p) })
		}),
	}
}

// proofs are the words for what is known of requests.
var proofs = map[provider.Proof]string{
	provider.Verified:      "verified: the sender signs all that it sends",
	provider.Authenticated: "authenticated: the sender shows a secret and signs nothing, or only parts, so whoever sees one request can send others",
}

func writeProvider(w io.Writer, p *provider.Provider) {
	fmt.Fprintf(w, "%s: %s\n", p.Name, p.Title)
	fmt.Fprintf(w, "secrets: %s\nmethods: %s\nrequests are %s\n", p.Secrets, strings.Join(p.Methods, ", "), proofs[p.Proof])
	for _, part := range []struct {
		title string
		facts []string
	}{{"verified", p.Verified}, {"unverified", p.Unverified}} {
		for _, fact := range part.facts {
			fmt.Fprintf(w, "%s: %s\n", part.title, fact)
		}
	}
	for _, o := range p.Options {
		fmt.Fprintf(w, "option %s", o.Name)
		if o.Default != "" {
			fmt.Fprintf(w, " (default %s)", o.Default)
		}
		fmt.Fprintf(w, ": %s", o.Description)
		if len(o.Values) > 0 {
			fmt.Fprintf(w, " One of %s.", strings.Join(o.Values, ", "))
		}
		fmt.Fprintln(w)
	}
}
