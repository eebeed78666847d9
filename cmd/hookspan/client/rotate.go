package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// endpointRotate gives an endpoint a new signing secret.
func endpointRotate(t *cli.Terminal, c *Connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate NAME",
		Short: "Give an endpoint a new signing secret, beside which the old one signs for a while",
		Long: "Give an endpoint a new signing secret. The server makes one and shows it once, unless a file holds it. For the overlap " +
			"requests carry the signatures of both, where the signature has room for them; then the old secret is forgotten.",
		Example: "  hookspan endpoints rotate crm\n  hookspan endpoints rotate crm --overlap 0s --secret-file new-secret",
	}
	overlap := cmd.Flags().String("overlap", setting.FormatDuration(endpoint.DefaultOverlap),
		"how long the old secret signs too, at most "+setting.FormatDuration(endpoint.MaxOverlap)+"; 0s forgets it at once")
	file := cmd.Flags().String("secret-file", "", "file that holds the new secret; without it the server makes one")
	body := func() (any, error) {
		in := map[string]string{"overlap": *overlap}
		if *file != "" {
			secret, err := cli.ReadSecret("--secret-file", *file)
			if err != nil {
				return nil, err
			}
			in["secret"] = secret
		}
		return in, nil
	}
	return one(t, c, cmd, http.MethodPost, "/secret", body, func(w io.Writer, _ *endpointItem, answer json.RawMessage) {
		var v struct {
			Secret       string    `json:"secret"`
			PublicKey    string    `json:"public_key"`
			OverlapUntil time.Time `json:"overlap_until"`
		}
		_ = json.Unmarshal(answer, &v) // what it lacks is not shown
		if *file == "" {
			fmt.Fprintf(w, "secret, shown this once: %s\n", cli.Plain(v.Secret))
		}
		if v.PublicKey != "" {
			fmt.Fprintf(w, "public key: %s\n", cli.Plain(v.PublicKey))
		}
		if v.OverlapUntil.After(time.Now()) {
			fmt.Fprintf(w, "the old secret signs too until %s\n", v.OverlapUntil.UTC().Format(time.RFC3339))
		} else {
			fmt.Fprintln(w, "the old secret is forgotten")
		}
	})
}
