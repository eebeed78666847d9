package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// DeliveriesCommand is the command and all below it.
func DeliveriesCommand(t *cli.Terminal) *cobra.Command {
	var c Connection
	cmd := &cobra.Command{
		Use:     "deliveries",
		Short:   "Look up deliveries, try them again, cancel them",
		Example: "  hookspan deliveries --status pending\n  hookspan deliveries get dlv_5m2k\n  hookspan deliveries retry dlv_5m2k\n  hookspan deliveries cancel --endpoint crm --type com.sticker.order.shipped",
	}
	c.Flags(cmd)
	list := deliveryList(t, &c)
	cmd.Args, cmd.RunE = cobra.NoArgs, list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, deliveryGet(t, &c), deliveriesAct(t, &c, retry()), deliveriesAct(t, &c, cancel()))
	return cmd
}

// A deliveryFilter says which deliveries are meant, by flags.
type deliveryFilter map[string]*string

func (f deliveryFilter) flags(cmd *cobra.Command) {
	for name, meaning := range map[string]string{
		"endpoint": "name or id of the endpoint", "status": "pending, delivered, failed or discarded",
		"type": "event type, * for any run of characters", "tenant": "whose event it is", "subject": "event subject", "event": "event id", "reason": "why it ended or failed", "status-code": "status of the last answer", "text": "in an answer's body",
		"since": "created at or after this RFC 3339 time", "until": "created before this RFC 3339 time",
	} {
		f[name] = cmd.Flags().String(name, "", meaning)
	}
}

// given are the flags that were given.
func (f deliveryFilter) given() map[string]string {
	given := map[string]string{}
	for name, value := range f {
		if *value != "" {
			given[strings.ReplaceAll(name, "-", "_")] = *value
		}
	}
	return given
}

func deliveryList(t *cli.Terminal, c *Connection) *cobra.Command {
	limit := 50
	filter := deliveryFilter{}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List deliveries, newest first unless the order is another",
		Example: "  hookspan deliveries list --endpoint crm --status failed --since 2026-05-04T00:00:00Z --json\n  hookspan deliveries list --status pending --order old --limit 10",
		Args:    cobra.NoArgs,
	}
	filter.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most; 0 is all")
	order := cmd.Flags().String("order", "new", "which come first: new or old")
	cmd.RunE = t.Action(func(cmd *cobra.Command, _ []string) error {
		query := pageQuery(limit, filter.given())
		query.Set("order", *order)
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		return listDeliveries(cmd.Context(), t, client, query, limit)
	})
	return cmd
}

// listDeliveries prints deliveries, and for one event the endpoints that have not come to it.
func listDeliveries(ctx context.Context, t *cli.Terminal, c *API, query url.Values, limit int) error {
	var behind []json.RawMessage
	g := cli.NewGrid(t.Out)
	if !t.JSON {
		g.Row("ID", "ENDPOINT", "STATUS", "TYPE", "ATTEMPTS", "NEXT", "EVENT", "REASON")
	}
	err := c.pages(ctx, "/v1/deliveries", query, limit, func(p *page) error {
		behind = append(behind, p.Behind...)
		for _, item := range p.Items {
			if t.JSON {
				if err := t.Line(item); err != nil {
					return err
				}
				continue
			}
			var d deliveryView
			if err := json.Unmarshal(item, &d); err != nil {
				return fmt.Errorf("decode a delivery: %w", err)
			}
			g.Row(d.ID, cmp.Or(d.Name, d.Endpoint), d.standing(), d.Event.Type, strconv.Itoa(len(d.Attempts)), clock(d.next()), d.Event.ID, d.why())
		}
		return nil
	})
	if err := errors.Join(err, g.End()); err != nil {
		return err
	}
	for _, b := range behind {
		if err := writeBehind(t, b); err != nil {
			return err
		}
	}
	return nil
}

// pageQuery asks for pages of a useful size, of what the filter's values that are not "" let through.
func pageQuery(limit int, filter map[string]string) url.Values {
	const largest = 100
	size := largest
	if limit > 0 {
		size = min(limit, largest)
	}
	query := url.Values{"limit": {strconv.Itoa(size)}}
	for name, value := range filter {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// clock is a time for people; "" when there is none.
func clock(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Local().Format("2006-01-02 15:04:05.000")
}

func deliveryGet(t *cli.Terminal, c *Connection) *cobra.Command {
	return &cobra.Command{
		Use:     "get ID",
		Short:   "Show a delivery, or the members of a batch, with all attempts and what came of each",
		Example: "  hookspan deliveries get dlv_5m2k",
		Args:    cobra.ExactArgs(1),
		RunE: t.Action(func(cmd *cobra.Command, args []string) error {
			client, err := c.Open(t)
			if err != nil {
				return err
			}
			var item json.RawMessage
			if err := client.Call(cmd.Context(), http.MethodGet, "/v1/deliveries/"+url.PathEscape(args[0]), nil, nil, &item); err != nil {
				return err
			}
			var found struct {
				deliveryView
				Items []deliveryView `json:"items"` // of a batch
			}
			if err := json.Unmarshal(item, &found); err != nil {
				return fmt.Errorf("decode the delivery: %w", err)
			}
			return t.Document(item, func(w io.Writer) {
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
