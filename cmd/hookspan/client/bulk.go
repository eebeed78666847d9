package client

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// An action is what can be asked of deliveries.
type action struct {
	verb, short, without string
	one, many            string // what comes of it, for people
}

func retry() action {
	return action{
		verb: "retry", short: "Make the next attempt of a delivery now, or of all that match", without: "pending and failed ones",
		one: "%s will be tried now", many: "%d of %d deliveries will be tried now",
	}
}

func cancel() action {
	return action{
		verb: "cancel", short: "End a delivery that is pending, or all that match", without: "pending ones",
		one: "%s will not be tried any more", many: "%d of %d deliveries will not be tried any more",
	}
}

// deliveriesAct asks something of the delivery that is named, or of all that the flags mean.
func deliveriesAct(t *cli.Terminal, c *Connection, act action) *cobra.Command {
	filter, dry := deliveryFilter{}, false
	cmd := &cobra.Command{
		Use:   act.verb + " [ID]",
		Short: act.short,
		Long:  act.short + ".\nWithout --status flags mean " + act.without + "; --dry-run says how many, and does nothing.",
		Example: "  hookspan deliveries " + act.verb + " dlv_5m2k\n" +
			"  hookspan deliveries " + act.verb + " --endpoint crm --since 2026-05-04T00:00:00Z --dry-run",
		Args: cobra.MaximumNArgs(1),
	}
	filter.flags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say how many match, and do nothing")
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		given := filter.given()
		switch {
		case len(args) == 0 && len(given) == 0:
			return cli.Usage("say which deliveries: an id, or flags such as --endpoint")
		case len(args) == 1 && (len(given) > 0 || dry):
			return cli.Usage("an id says which delivery: leave the flags out")
		}
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		if len(args) == 1 {
			answer := json.RawMessage(`{}`)
			if err := client.Call(cmd.Context(), http.MethodPost, "/v1/deliveries/"+url.PathEscape(args[0])+"/"+act.verb, nil, nil, &answer); err != nil {
				return err
			}
			return t.Document(answer, func(w io.Writer) { fmt.Fprintf(w, act.one+"\n", cli.Plain(args[0])) })
		}
		return bulk(cmd.Context(), t, client, "/v1/deliveries/"+act.verb, given, dry, act.many)
	})
	return cmd
}

// bulk asks something of many and says of how many.
func bulk(ctx context.Context, t *cli.Terminal, c *API, path string, body any, dry bool, text string) error {
	query := url.Values{}
	if dry {
		query.Set("dry_run", "true")
	}
	answer := json.RawMessage(`{}`)
	if err := c.Call(ctx, http.MethodPost, path, query, body, &answer); err != nil {
		return err
	}
	var told struct {
		Matched  int `json:"matched"`
		Accepted int `json:"accepted"`
		Skipped  []struct {
			Endpoint   string `json:"endpoint"`
			Reason     string `json:"reason"`
			Deliveries int    `json:"deliveries"`
		} `json:"skipped"`
		Behind *struct {
			Events int `json:"events"`
		} `json:"behind"`
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return t.Document(answer, func(w io.Writer) {
		if dry {
			fmt.Fprintf(w, "%d match\n", told.Matched)
		} else {
			fmt.Fprintf(w, text+"\n", told.Accepted, told.Matched)
		}
		for _, s := range told.Skipped {
			fmt.Fprintf(w, "left out %d of %s: %s\n", s.Deliveries, cli.Plain(cmp.Or(s.Endpoint, "no endpoint")), cli.Plain(s.Reason))
		}
		if told.Behind != nil {
			fmt.Fprintf(w, "and about %d events that it had not been brought\n", told.Behind.Events)
		}
	})
}

// endpointDrain cancels all that waits for an endpoint.
func endpointDrain(t *cli.Terminal, c *Connection) *cobra.Command {
	return &cobra.Command{
		Use:     "drain NAME",
		Short:   "Cancel all that waits for an endpoint, and say how much that is",
		Example: "  hookspan endpoints drain crm",
		Args:    cobra.ExactArgs(1),
		RunE: t.Action(func(cmd *cobra.Command, args []string) error {
			client, path, err := c.find(cmd.Context(), t, args[0])
			if err != nil {
				return err
			}
			return bulk(cmd.Context(), t, client, path+"/drain", nil, false, "%d of %d deliveries will not be tried any more")
		}),
	}
}
