package client

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// RefusalsCommand is the command and all below it.
func RefusalsCommand(t *cli.Terminal) *cobra.Command {
	var c Connection
	var source, reason string
	limit := 50
	cmd := &cobra.Command{
		Use:     "refusals",
		Short:   "List requests that were refused, and why",
		Long:    "List requests that were refused, newest first, with what was compared. The sender was told none of it.",
		Example: "  hookspan refusals --source shop\n  hookspan refusals --json --limit 0",
		Args:    cobra.NoArgs,
	}
	c.Flags(cmd)
	cmd.Flags().StringVar(&source, "source", "", "name of the source")
	cmd.Flags().StringVar(&reason, "reason", "", "reason, such as bad_signature")
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most; 0 is all")
	cmd.RunE = t.Action(func(cmd *cobra.Command, _ []string) error {
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		query := pageQuery(limit, map[string]string{"source": source, "reason": reason})
		if t.JSON {
			return client.list(cmd.Context(), "/v1/refusals", query, limit, func(item json.RawMessage) error { return t.Line(item) })
		}
		g := cli.NewGrid(t.Out, "TIME", "SOURCE", "REASON", "ANSWER", "FROM", "DETAIL")
		err = client.list(cmd.Context(), "/v1/refusals", query, limit, func(item json.RawMessage) error {
			var r struct {
				Time   time.Time `json:"time"`
				Source string    `json:"source"`
				Reason string    `json:"reason"`
				Detail string    `json:"detail"`
				Status int       `json:"status"`
				Remote string    `json:"remote"`
			}
			if err := json.Unmarshal(item, &r); err != nil {
				return fmt.Errorf("decode a refusal: %w", err)
			}
			g.Row(clock(r.Time), r.Source, r.Reason, strconv.Itoa(r.Status), r.Remote, r.Detail)
			return nil
		})
		if err != nil {
			return err
		}
		return g.End()
	})
	return cmd
}
