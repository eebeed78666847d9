package client

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A previewItem is one event and what an endpoint would be sent of it.
type previewItem struct {
	Event   struct{ ID, Type string }
	Request *struct {
		Method, URL, Body string
		Headers           map[string]string
		Base64            string `json:"body_base64"`
	}
	Reason, Detail string
}

// endpointPreview tries settings on events that are stored.
func endpointPreview(t *cli.Terminal, c *Connection) *cobra.Command {
	var f endpointFlags
	cmd := &cobra.Command{
		Use:   "preview NAME",
		Short: "Show what an endpoint would be sent of the newest events, by settings that are only proposed",
		Long: "Show what an endpoint would be sent of the newest events on the bus, each request as it would be made now, and of which events nothing would be sent, and why. " +
			"Settings that are given count as if the endpoint had them. Nothing is changed, and nothing sent.",
		Example: "  hookspan endpoints preview crm --last 20\n" +
			`  hookspan endpoints preview crm --filters '[{"jq":".data.total > 100"}]' --transform '{id: .data.id}'` + "\n" +
			"  hookspan endpoints preview crm --since 2026-05-04T10:00:00Z --json",
	}
	f.flags(cmd)
	last := cmd.Flags().Int("last", 10, "how many events, at most 100")
	since := cmd.Flags().String("since", "", "only events that were stored since this RFC 3339 time")
	body := func() (any, error) {
		in, err := f.body(t, cmd)
		if err != nil {
			return nil, err
		}
		if cmd.Flags().Changed("last") || *since == "" {
			in["last"] = *last
		}
		if *since != "" {
			in["since"] = *since
		}
		return in, nil
	}
	return one(t, c, cmd, http.MethodPost, "/preview", body, func(w io.Writer, _ *endpointItem, answer json.RawMessage) {
		var page struct{ Items []previewItem }
		_ = json.Unmarshal(answer, &page) // what it lacks is not shown
		if len(page.Items) == 0 {
			fmt.Fprintln(w, "there are no such events")
		}
		for i := range page.Items {
			page.Items[i].print(w)
		}
	})
}

func (p *previewItem) print(w io.Writer) {
	fmt.Fprintf(w, "%s %s\n", cli.Plain(p.Event.Type), cli.Plain(p.Event.ID))
	if p.Request == nil {
		fmt.Fprintf(w, "  nothing is sent (%s): %s\n\n", cli.Plain(p.Reason), cli.Plain(p.Detail))
		return
	}
	fmt.Fprintf(w, "  %s %s\n", cli.Plain(p.Request.Method), cli.Plain(p.Request.URL))
	for _, name := range slices.Sorted(maps.Keys(p.Request.Headers)) {
		fmt.Fprintf(w, "  %s: %s\n", cli.Plain(name), cli.Plain(p.Request.Headers[name]))
	}
	text := p.Request.Body
	if p.Request.Base64 != "" {
		text = p.Request.Base64 + " (base64)"
	}
	fmt.Fprintf(w, "\n  %s\n\n", cli.Plain(text))
}
