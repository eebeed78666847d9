package client

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

func typeAsyncAPI(t *cli.Terminal, c *Connection) *cobra.Command {
	return &cobra.Command{
		Use:   "asyncapi",
		Short: "Describe what runs as an AsyncAPI document",
		Long: "Describe what runs as one document of AsyncAPI 3.1: the webhooks that sources take in, the topics of the bus with every type of events that is known or was seen, " +
			"its schema and an example where there is one, and the webhooks that endpoints get. No URL of an endpoint and no secret is in it, so it can be handed out.",
		Example: "  hookspan types asyncapi > hookspan.asyncapi.json\n  hookspan types asyncapi --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			client, err := c.Open(t)
			if err != nil {
				return err
			}
			document := json.RawMessage(`{}`)
			if err := client.Call(cmd.Context(), http.MethodGet, "/v1/asyncapi.json", nil, nil, &document); err != nil {
				return err
			}
			return t.Document(document, func(w io.Writer) { writeJSON(w, document) })
		}),
	}
}
