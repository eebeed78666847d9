package client

import (
	"cmp"
	"context"
	"encoding/json"
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

const typesPath = "/v1/event-types"

// TypesCommand is the command and all below it.
func TypesCommand(t *cli.Terminal) *cobra.Command {
	var c Connection
	cmd := &cobra.Command{
		Use:   "types",
		Short: "Look up the types of events: which there are, what they look like, who takes them",
		Long: "Look up the types of events: those that the providers of the sources are known to send, and those that were seen, known or not.\n" +
			"Figures are what the server that is asked has counted: the newest 10,000 events that were stored when it was first asked, and all that it has read since.",
		Example: "  hookspan types\n  hookspan types list --unknown\n  hookspan types show com.sticker.order.shipped\n" +
			"  hookspan types infer com.example.order.paid > order-paid.json\n  hookspan types diff com.sticker.order.shipped\n  hookspan types asyncapi > hookspan.asyncapi.json",
	}
	c.Flags(cmd)
	list := typeList(t, &c)
	cmd.Args, cmd.RunE = cobra.NoArgs, list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, typeShow(t, &c), typeInfer(t, &c), typeDiff(t, &c), typeAsyncAPI(t, &c))
	return cmd
}

// A typeItem is a type of events as the admin API shows it.
type typeItem struct {
	Type         string    `json:"type"`
	Known        bool      `json:"known"`
	Provider     string    `json:"provider"`
	Schema       string    `json:"schema"`
	Count        int64     `json:"count"`
	First        time.Time `json:"first_seen"`
	Last         time.Time `json:"last_seen"`
	Sources      []string  `json:"sources"`
	MoreSources  bool      `json:"more_sources"`
	Topics       []string  `json:"topics"`
	MoreTopics   bool      `json:"more_topics"`
	ContentTypes []string  `json:"content_types"`
	DataSchemas  []string  `json:"data_schemas"`
	Deliveries   int       `json:"deliveries"`
	Endpoints    []struct {
		Name    string   `json:"name"`
		State   string   `json:"state"`
		Decides []string `json:"decides"`
	} `json:"endpoints"`
	MoreEndpoints int             `json:"more_endpoints"`
	Since         time.Time       `json:"counted_since"`
	Document      json.RawMessage `json:"schema_document"`
	Inferred      json.RawMessage `json:"inferred_schema"`
	Example       json.RawMessage `json:"example"`
	ExampleOf     string          `json:"example_of"`
}

// counted is what the figures of types are about.
type counted struct {
	Since    time.Time `json:"since"`
	Events   int64     `json:"events"`
	Missed   int64     `json:"missed"`
	Unlisted int64     `json:"unlisted"`

	UnlistedDeliveries int64 `json:"unlisted_deliveries"`
}

func typeList(t *cli.Terminal, c *Connection) *cobra.Command {
	limit, provider, seen, unknown := 0, "", false, false
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List types of events, by name",
		Example: "  hookspan types list --provider sticker\n  hookspan types list --seen --json\n  hookspan types list --unknown",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&provider, "provider", "", "only those of this provider, which some source has")
	cmd.Flags().BoolVar(&seen, "seen", false, "only those of which an event or a delivery is known")
	cmd.Flags().BoolVar(&unknown, "unknown", false, "only those that were seen, and that no provider of a source is known to send and no schema describes")
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most; 0 is all")
	cmd.RunE = t.Action(func(cmd *cobra.Command, _ []string) error {
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		query := pageQuery(limit, map[string]string{"provider": provider})
		for name, given := range map[string]bool{"seen": seen, "unknown": unknown} {
			if given {
				query.Set(name, "true")
			}
		}
		return listTypes(cmd.Context(), t, client, query, limit)
	})
	return cmd
}

func listTypes(ctx context.Context, t *cli.Terminal, c *API, query url.Values, limit int) error {
	if t.JSON {
		return c.list(ctx, typesPath, query, limit, func(item json.RawMessage) error { return t.Line(item) })
	}
	var figures counted
	g := cli.NewGrid(t.Out, "TYPE", "PROVIDER", "KNOWN", "COUNT", "LAST SEEN", "SOURCES", "TAKEN BY")
	err := c.pages(ctx, typesPath, query, limit, func(p *page) error {
		_ = json.Unmarshal(p.Counted, &figures) // what it lacks is not shown
		for _, item := range p.Items {
			var v typeItem
			if err := json.Unmarshal(item, &v); err != nil {
				return fmt.Errorf("decode a type: %w", err)
			}
			g.Row(v.Type, cmp.Or(v.Provider, "-"), yesNo(v.Known), strconv.FormatInt(v.Count, 10), cmp.Or(clock(v.Last), "-"), several(v.Sources, v.MoreSources), v.takers())
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := g.End(); err != nil {
		return err
	}
	figures.write(t.Out)
	return nil
}

func (f *counted) write(w io.Writer) {
	if f.Since.IsZero() {
		fmt.Fprintln(w, "\nno event was counted yet")
		return
	}
	fmt.Fprintf(w, "\ncounted by this server since %s: %d events", clock(f.Since), f.Events)
	if f.Missed > 0 {
		fmt.Fprintf(w, "; about %d others were not", f.Missed)
	}
	if f.Unlisted > 0 {
		fmt.Fprintf(w, "; %d are of types that are not listed, because there are too many", f.Unlisted)
	}
	if f.UnlistedDeliveries > 0 {
		fmt.Fprintf(w, "; %d deliveries are of such, too", f.UnlistedDeliveries)
	}
	fmt.Fprintln(w)
}

// takers names the endpoints that take events of the type, with a star those that do not take all.
func (v *typeItem) takers() string {
	var names []string
	for _, e := range v.Endpoints {
		if len(e.Decides) > 0 {
			e.Name += "*"
		}
		names = append(names, e.Name)
	}
	if v.MoreEndpoints > 0 {
		names = append(names, fmt.Sprintf("and %d more", v.MoreEndpoints))
	}
	return cmp.Or(strings.Join(names, ", "), "-")
}

func yesNo(so bool) string {
	if so {
		return "yes"
	}
	return "no"
}

func several(names []string, more bool) string {
	text := strings.Join(names, ", ")
	if more {
		text += " and more"
	}
	return cmp.Or(text, "-")
}

func typeShow(t *cli.Terminal, c *Connection) *cobra.Command {
	return &cobra.Command{
		Use:     "show TYPE",
		Short:   "Show a type of events: what was seen of it, who takes it, its schema and an example",
		Example: "  hookspan types show com.sticker.order.shipped\n  hookspan types show com.sticker.order.shipped --json",
		Args:    cobra.ExactArgs(1),
		RunE: t.Action(func(cmd *cobra.Command, args []string) error {
			var v typeItem
			answer, err := typeAnswer(cmd, t, c, "/"+url.PathEscape(args[0]), nil, &v)
			if err != nil {
				return err
			}
			return t.Document(answer, v.write)
		}),
	}
}

// typeAnswer asks about one type.
func typeAnswer(cmd *cobra.Command, t *cli.Terminal, c *Connection, path string, query url.Values, into any) (json.RawMessage, error) {
	client, err := c.Open(t)
	if err != nil {
		return nil, err
	}
	answer := json.RawMessage(`{}`)
	if err := client.Call(cmd.Context(), http.MethodGet, typesPath+path, query, nil, &answer); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return nil, fmt.Errorf("decode the answer: %w", err)
	}
	return answer, nil
}

func (v *typeItem) write(w io.Writer) {
	fmt.Fprintln(w, cli.Plain(v.Type))
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "  %-14s%s\n", name, cli.Plain(text))
		}
	}
	known := "no provider of a source here is known to send it, and no schema describes it"
	if v.Known {
		known = "yes"
	}
	line("known", known)
	line("provider", v.Provider)
	line("schema", v.Schema)
	seen := fmt.Sprintf("%d", v.Count)
	if !v.Since.IsZero() {
		seen += ", counted by this server since " + clock(v.Since)
	}
	line("events", seen)
	line("first seen", clock(v.First))
	line("last seen", clock(v.Last))
	line("deliveries", strconv.Itoa(v.Deliveries))
	line("sources", several(v.Sources, v.MoreSources))
	line("topics", several(v.Topics, v.MoreTopics))
	line("data", strings.Join(v.ContentTypes, ", "))
	line("dataschema", strings.Join(v.DataSchemas, ", "))
	if len(v.Endpoints) == 0 {
		line("taken by", "no endpoint")
	}
	for i, e := range v.Endpoints {
		text := e.Name + " (" + e.State + ")"
		if len(e.Decides) > 0 {
			text += ", not all: " + strings.Join(e.Decides, " and ") + " decide of each"
		}
		line([]string{"taken by", ""}[min(i, 1)], text)
	}
	if v.MoreEndpoints > 0 {
		line("", fmt.Sprintf("and %d more", v.MoreEndpoints))
	}
	v.documents(w)
}

func (v *typeItem) documents(w io.Writer) {
	for _, d := range []struct {
		text json.RawMessage
		head string
	}{{v.Example, map[string]string{"event": "the newest event", "sample": "a sample, made up as the provider's events are"}[v.ExampleOf]}, {v.Document, "schema of the data"}, {v.Inferred, "no schema is known; inferred from what arrived"}} {
		if len(d.text) > 0 {
			fmt.Fprintf(w, "\n%s\n", d.head)
			writeJSON(w, d.text)
		}
	}
}

func writeJSON(w io.Writer, v any) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // to a terminal; the exit code is about the request
}
