package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func (t *terminal) deliveriesCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use:     "deliveries",
		Short:   "Look up deliveries and try them again",
		Example: "  hookspan deliveries --status pending\n  hookspan deliveries get dlv_5m2k\n  hookspan deliveries retry dlv_5m2k",
	}
	c.flags(cmd)
	list := t.deliveryList(&c)
	cmd.Args, cmd.RunE = cobra.NoArgs, list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, t.deliveryGet(&c), t.deliveryRetry(&c))
	return cmd
}

func (t *terminal) deliveryList(c *connection) *cobra.Command {
	limit := 50
	filters := map[string]*string{}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List deliveries, newest first",
		Example: "  hookspan deliveries list --endpoint crm --status failed --since 2026-05-04T00:00:00Z --json",
		Args:    cobra.NoArgs,
	}
	for name, meaning := range map[string]string{
		"endpoint": "name or id of the endpoint", "status": "pending, delivered, failed or discarded",
		"type": "event type", "subject": "event subject", "event": "event id", "reason": "why it ended or failed",
		"since": "created at or after this RFC 3339 time", "until": "created before this RFC 3339 time",
	} {
		filters[name] = cmd.Flags().String(name, "", meaning)
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most; 0 is all")
	cmd.RunE = t.action(func(cmd *cobra.Command, _ []string) error {
		query := pageQuery(limit)
		for name, value := range filters {
			if *value != "" {
				query.Set(name, *value)
			}
		}
		client, err := c.open(t)
		if err != nil {
			return err
		}
		return t.listDeliveries(cmd.Context(), client, query, limit)
	})
	return cmd
}

// listDeliveries prints deliveries, and for one event the endpoints that have not come to it.
func (t *terminal) listDeliveries(ctx context.Context, c *client, query url.Values, limit int) error {
	var behind []json.RawMessage
	g := newGrid(t.out)
	if !t.json {
		g.row("ID", "ENDPOINT", "STATUS", "TYPE", "ATTEMPTS", "NEXT", "EVENT", "REASON")
	}
	err := c.pages(ctx, "/v1/deliveries", query, limit, func(p *page) error {
		behind = append(behind, p.Behind...)
		for _, item := range p.Items {
			if t.json {
				if err := t.line(item); err != nil {
					return err
				}
				continue
			}
			var d deliveryView
			if err := json.Unmarshal(item, &d); err != nil {
				return fmt.Errorf("decode a delivery: %w", err)
			}
			g.row(d.ID, first(d.Name, d.Endpoint), d.standing(), d.Event.Type, strconv.Itoa(len(d.Attempts)), clock(d.next()), d.Event.ID, d.why())
		}
		return nil
	})
	if err := errors.Join(err, g.end()); err != nil {
		return err
	}
	for _, b := range behind {
		if err := t.writeBehind(b); err != nil {
			return err
		}
	}
	return nil
}

// pageQuery asks for pages of a useful size.
func pageQuery(limit int) url.Values {
	const largest = 100
	size := largest
	if limit > 0 {
		size = min(limit, largest)
	}
	return url.Values{"limit": {strconv.Itoa(size)}}
}

// clock is a time for people; "" when there is none.
func clock(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Local().Format("2006-01-02 15:04:05.000")
}

func (t *terminal) deliveryGet(c *connection) *cobra.Command {
	return &cobra.Command{
		Use:     "get ID",
		Short:   "Show a delivery, or the members of a batch, with all attempts and what came of each",
		Example: "  hookspan deliveries get dlv_5m2k",
		Args:    cobra.ExactArgs(1),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			client, err := c.open(t)
			if err != nil {
				return err
			}
			var item json.RawMessage
			if err := client.call(cmd.Context(), http.MethodGet, "/v1/deliveries/"+url.PathEscape(args[0]), nil, nil, &item); err != nil {
				return err
			}
			var found struct {
				deliveryView
				Items []deliveryView `json:"items"` // of a batch
			}
			if err := json.Unmarshal(item, &found); err != nil {
				return fmt.Errorf("decode the delivery: %w", err)
			}
			return t.document(item, func(w io.Writer) {
				if len(found.Items) == 0 {
					found.Items = []deliveryView{found.deliveryView}
				}
				for _, d := range found.Items {
					d.write(w)
				}
			})
		}),
	}
}

func (t *terminal) deliveryRetry(c *connection) *cobra.Command {
	return &cobra.Command{
		Use:     "retry ID",
		Short:   "Make the next attempt of a delivery now",
		Example: "  hookspan deliveries retry dlv_5m2k",
		Args:    cobra.ExactArgs(1),
		RunE: t.action(func(cmd *cobra.Command, args []string) error {
			client, err := c.open(t)
			if err != nil {
				return err
			}
			answer := json.RawMessage(`{}`)
			if err := client.call(cmd.Context(), http.MethodPost, "/v1/deliveries/"+url.PathEscape(args[0])+"/retry", nil, nil, &answer); err != nil {
				return err
			}
			return t.document(answer, func(w io.Writer) { fmt.Fprintf(w, "%s will be tried now\n", plain(args[0])) })
		}),
	}
}
