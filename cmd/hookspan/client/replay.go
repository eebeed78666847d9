package client

import (
	"cmp"
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

const replaysPath = "/v1/replays"

// A replayView is a replay as the admin API shows it.
type replayView struct {
	ID       string    `json:"id"`
	Endpoint string    `json:"endpoint"`
	State    string    `json:"state"`
	Matched  int64     `json:"matched"`
	Sent     int64     `json:"sent"`
	Failed   int64     `json:"failed"`
	Left     int64     `json:"left"`
	Rate     string    `json:"rate"`
	NewID    bool      `json:"new_id"`
	DryRun   bool      `json:"dry_run"`
	Created  time.Time `json:"created"`
	Ended    time.Time `json:"ended"`
	Sample   []struct {
		Event struct {
			ID     string `json:"id"`
			Source string `json:"source"`
			Type   string `json:"type"`
		} `json:"event"`
	} `json:"sample"`
}

func (v *replayView) write(w io.Writer) {
	if v.DryRun {
		fmt.Fprintf(w, "%d match\n", v.Matched)
		for _, s := range v.Sample {
			fmt.Fprintf(w, "  %s  %s  from %s\n", cli.Plain(s.Event.Type), cli.Plain(s.Event.ID), cli.Plain(s.Event.Source))
		}
		if v.State != "done" {
			fmt.Fprintf(w, "so far; hookspan replay get %s says more\n", cli.Plain(v.ID))
		}
		return
	}
	fmt.Fprintf(w, "%s  %s\nto %s, since %s\n%d deliveries, %d sent, %d failed", cli.Plain(v.ID), cli.Plain(v.State), cli.Plain(v.Endpoint), clock(v.Created), v.Matched, v.Sent, v.Failed)
	if v.Left > 0 {
		fmt.Fprintf(w, ", about %d events still to be looked at", v.Left)
	}
	fmt.Fprintln(w)
	if !v.Ended.IsZero() {
		fmt.Fprintf(w, "over since %s\n", clock(v.Ended))
	}
}

// ReplayCommand is the command and all below it.
func ReplayCommand(t *cli.Terminal) *cobra.Command {
	var c Connection
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Send events again: from history, or of deliveries",
		Long:  "Send events again. A replay is a job that survives restarts; it never stands in front of what is delivered live.",
		Example: "  hookspan replay start crm --from 2026-05-04T00:00:00Z --until 2026-05-05T00:00:00Z --rate 50/s --dry-run\n" +
			"  hookspan replay start crm --status failed --since 2026-05-04T00:00:00Z\n  hookspan replay cancel rpl_3k9d",
	}
	c.Flags(cmd)
	list := replayList(t, &c)
	cmd.Args, cmd.RunE = cobra.NoArgs, list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, replayStart(t, &c), replayOne(t, &c, "get", "Show how far a replay is", http.MethodGet))
	for verb, short := range map[string]string{
		"pause": "Let a replay send nothing more until it is resumed", "resume": "Let a paused replay go on", "cancel": "End a replay; what it has begun is finished",
	} {
		cmd.AddCommand(replayOne(t, &c, verb, short, http.MethodPost))
	}
	return cmd
}

func replayList(t *cli.Terminal, c *Connection) *cobra.Command {
	limit, filter := 50, deliveryFilter{}
	cmd := &cobra.Command{Use: "list", Short: "List replays, newest first", Example: "  hookspan replay list --endpoint crm --state running", Args: cobra.NoArgs}
	for name, meaning := range map[string]string{"endpoint": "name or id of the endpoint", "state": "running, paused, done or cancelled"} {
		filter[name] = cmd.Flags().String(name, "", meaning)
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most; 0 is all")
	cmd.RunE = t.Action(func(cmd *cobra.Command, _ []string) error {
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		query := pageQuery(limit, filter.given())
		if t.JSON {
			return client.list(cmd.Context(), replaysPath, query, limit, func(item json.RawMessage) error { return t.Line(item) })
		}
		g := cli.NewGrid(t.Out, "ID", "ENDPOINT", "STATE", "MATCHED", "SENT", "FAILED", "SINCE")
		err = client.list(cmd.Context(), replaysPath, query, limit, func(item json.RawMessage) error {
			var v replayView
			if err := json.Unmarshal(item, &v); err != nil {
				return fmt.Errorf("decode a replay: %w", err)
			}
			number := func(n int64) string { return strconv.FormatInt(n, 10) }
			g.Row(v.ID, v.Endpoint, v.State, number(v.Matched), number(v.Sent), number(v.Failed), clock(v.Created))
			return nil
		})
		if err != nil {
			return err
		}
		return g.End()
	})
	return cmd
}

// replayOne asks about one replay, or to steer it.
func replayOne(t *cli.Terminal, c *Connection, verb, short, method string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1), Example: "  hookspan replay " + verb + " rpl_3k9d",
		RunE: t.Action(func(cmd *cobra.Command, args []string) error {
			path := replaysPath + "/" + url.PathEscape(args[0])
			if method == http.MethodPost {
				path += "/" + verb
			}
			return replayCall(t, c, cmd, method, path, nil)
		}),
	}
}

func replayCall(t *cli.Terminal, c *Connection, cmd *cobra.Command, method, path string, body any) error {
	client, err := c.Open(t)
	if err != nil {
		return err
	}
	answer := json.RawMessage(`{}`)
	if err := client.Call(cmd.Context(), method, path, nil, body, &answer); err != nil {
		return err
	}
	var v replayView
	if err := json.Unmarshal(answer, &v); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return t.Document(answer, v.write)
}

// A replayStartFlags says what is replayed.
type replayStartFlags struct {
	from, until, filters, rate, delivery, of string
	newID, dry                               bool
	query                                    deliveryFilter
}

func replayStart(t *cli.Terminal, c *Connection) *cobra.Command {
	f := replayStartFlags{query: deliveryFilter{}}
	cmd := &cobra.Command{
		Use:   "start [ENDPOINT]",
		Short: "Begin a replay to an endpoint",
		Long: "Begin a replay to an endpoint, from history (--from), of all deliveries that match (--status, --type, …), or of one (--delivery).\n" +
			"Deliveries are those of the same endpoint, or those --of another. A time is RFC 3339; a position is TOPIC@NUMBER.",
		Example: "  hookspan replay start crm --from all --rate 50/s\n  hookspan replay start crm --from HOOKSPAN_EVENTS@1700 --filters '[{\"prefix\": {\"type\": \"com.sticker.\"}}]'\n" +
			"  hookspan replay start new-crm --of crm --status failed --since 2026-05-04T00:00:00Z --dry-run\n  hookspan replay start --delivery dlv_5m2k --new-id",
		Args: cobra.MaximumNArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "replay history from this time or position on, or all")
	flags.StringVar(&f.until, "until", "", "up to this time or position; with deliveries: created before this time")
	flags.StringVar(&f.filters, "filters", "", "of history: filters instead of the endpoint's own and its types, as JSON")
	flags.StringVar(&f.rate, "rate", "", "rate of its attempts, such as 50/s, beside the endpoint's own limits")
	flags.StringVar(&f.delivery, "delivery", "", "replay this delivery")
	flags.StringVar(&f.of, "of", "", "replay deliveries of this endpoint")
	flags.BoolVar(&f.newID, "new-id", false, "have the receiver take the events for other ones")
	flags.BoolVar(&f.dry, "dry-run", false, "say how many match and which come first, and send nothing")
	for name, meaning := range map[string]string{
		"status": "delivered, failed or discarded", "type": "event type", "tenant": "whose event it is", "subject": "event subject", "event": "event id",
		"reason": "why it ended or failed", "since": "created at or after this RFC 3339 time",
	} {
		f.query[name] = flags.String(name, "", "deliveries: "+meaning)
	}
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		body, err := f.body(args)
		if err != nil {
			return err
		}
		return replayCall(t, c, cmd, http.MethodPost, replaysPath, body)
	})
	return cmd
}

func (f *replayStartFlags) body(args []string) (map[string]any, error) {
	body := map[string]any{}
	if len(args) == 1 {
		body["endpoint"] = args[0]
	}
	query := f.query.given()
	switch {
	case f.from != "" && (len(query) > 0 || f.of != "" || f.delivery != ""), f.delivery != "" && (len(query) > 0 || f.of != ""):
		return nil, cli.Usage("say one thing: --from, --delivery, or flags of deliveries")
	case f.from != "":
		body["from"] = edge(f.from)
		if f.until != "" {
			body["until"] = edge(f.until)
		}
	case f.delivery != "":
		body["delivery"] = f.delivery
	case len(query) == 0 && f.of == "":
		return nil, cli.Usage("say what is replayed: --from, --delivery, or flags of deliveries such as --status")
	default:
		if of := cmp.Or(f.of, strings.Join(args, "")); of != "" {
			query["endpoint"] = of
		}
		if f.until != "" {
			query["until"] = f.until
		}
		body["query"] = query
	}
	if f.filters != "" {
		if !json.Valid([]byte(f.filters)) {
			return nil, cli.Usage("--filters is no JSON")
		}
		body["filters"] = json.RawMessage(f.filters)
	}
	if f.rate != "" {
		body["rate"] = f.rate
	}
	if f.newID {
		body["new_id"] = true
	}
	if f.dry {
		body["dry_run"] = true
	}
	return body, nil
}

// edge is a time, all, or the place of an event: TOPIC@NUMBER.
func edge(text string) any {
	topic, number, ok := strings.Cut(text, "@")
	position, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil {
		return text
	}
	return map[string]any{"topic": topic, "position": position}
}
