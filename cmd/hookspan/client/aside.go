package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

const (
	deadPath       = "/v1/dead"
	quarantinePath = "/v1/quarantine"
)

// An itemView is what the admin API says of an event that is set aside.
type itemView struct {
	ID    string `json:"id"`
	Event struct {
		ID      string `json:"id"`
		Source  string `json:"source"`
		Type    string `json:"type"`
		Subject string `json:"subject"`
		Topic   string `json:"topic"`
		Tenant  string `json:"tenant"`
	} `json:"event"`
	Stored   time.Time       `json:"stored"`
	Reason   string          `json:"reason"`
	Detail   string          `json:"detail"`
	Endpoint string          `json:"endpoint"`
	Attempts int             `json:"attempts"`
	Source   string          `json:"source"`
	Document json.RawMessage `json:"document"`
}

// DeadCommand is the command and all below it.
func DeadCommand(t *cli.Terminal) *cobra.Command {
	var c Connection
	cmd := &cobra.Command{
		Use:     "dead",
		Short:   "Look up dead letters, replay them, discard them",
		Long:    "Look up dead letters: events whose delivery was given up. One that is replayed or discarded is listed no more.",
		Example: "  hookspan dead --endpoint crm\n  hookspan dead replay dlv_5m2k\n  hookspan dead replay --endpoint crm --since 2026-05-04T00:00:00Z",
	}
	c.Flags(cmd)
	list := itemList(t, &c, deadPath, "List dead letters, newest first", map[string]string{"endpoint": "name or id of the endpoint"})
	cmd.Args, cmd.RunE = cobra.NoArgs, list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, itemGet(t, &c, deadPath, "Show a dead letter with its event"))
	cmd.AddCommand(
		deadAct(t, &c, "replay", "Send the event of a dead letter to its endpoint again, or of all that match", "%d of %d dead letters are replayed"),
		deadAct(t, &c, "discard", "Forget a dead letter, or all that match", "%d of %d dead letters are discarded"),
	)
	return cmd
}

// QuarantineCommand is the command and all below it.
func QuarantineCommand(t *cli.Terminal) *cobra.Command {
	var c Connection
	cmd := &cobra.Command{
		Use:     "quarantine",
		Short:   "Look up what is in quarantine, mend and release it, discard it",
		Long:    "Look up what is genuine and not what its sender sends. What is released goes to the topic that it was meant for.",
		Example: "  hookspan quarantine --source shop\n  hookspan quarantine get qrn_5m2k\n  hookspan quarantine release qrn_5m2k --attribute type=com.sticker.order.shipped --data-file mended.json",
	}
	c.Flags(cmd)
	list := itemList(t, &c, quarantinePath, "List what is in quarantine, newest first", map[string]string{"source": "name of the source"})
	cmd.Args, cmd.RunE = cobra.NoArgs, list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, itemGet(t, &c, quarantinePath, "Show a quarantined event"), itemRelease(t, &c), itemDiscard(t, &c))
	return cmd
}

// An itemFilter says which items are meant, by flags.
type itemFilter = deliveryFilter

func itemFlags(cmd *cobra.Command, more map[string]string) itemFilter {
	f := itemFilter{}
	for name, meaning := range map[string]string{
		"type": "event type", "tenant": "whose event it is", "subject": "event subject", "event": "event id", "reason": "why it is there",
		"since": "stored at or after this RFC 3339 time", "until": "stored before this RFC 3339 time",
	} {
		f[name] = cmd.Flags().String(name, "", meaning)
	}
	for name, meaning := range more {
		f[name] = cmd.Flags().String(name, "", meaning)
	}
	return f
}

func itemList(t *cli.Terminal, c *Connection, path, short string, more map[string]string) *cobra.Command {
	limit := 50
	cmd := &cobra.Command{
		Use: "list", Short: short, Args: cobra.NoArgs,
		Example: "  hookspan " + strings.TrimPrefix(path, "/v1/") + " list --since 2026-05-04T00:00:00Z --json",
	}
	filter := itemFlags(cmd, more)
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most; 0 is all")
	cmd.RunE = t.Action(func(cmd *cobra.Command, _ []string) error {
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		query := pageQuery(limit, filter.given())
		if t.JSON {
			return client.list(cmd.Context(), path, query, limit, func(item json.RawMessage) error { return t.Line(item) })
		}
		g := cli.NewGrid(t.Out, "ID", "STORED", "FROM OR FOR", "TYPE", "EVENT", "REASON")
		err = client.list(cmd.Context(), path, query, limit, func(item json.RawMessage) error {
			var v itemView
			if err := json.Unmarshal(item, &v); err != nil {
				return fmt.Errorf("decode an item: %w", err)
			}
			g.Row(v.ID, clock(v.Stored), cmp.Or(v.Endpoint, v.Source), v.Event.Type, v.Event.ID, v.why())
			return nil
		})
		if err != nil {
			return err
		}
		return g.End()
	})
	return cmd
}

func (v *itemView) why() string {
	switch {
	case v.Detail != "":
		return v.Reason + ": " + v.Detail
	case v.Attempts > 0:
		return v.Reason + " after " + strconv.Itoa(v.Attempts) + " attempts"
	}
	return v.Reason
}

func (v *itemView) write(w io.Writer) {
	fmt.Fprintf(w, "%s  %s\n%s  %s  from %s\n", cli.Plain(v.ID), cli.Plain(v.why()), cli.Plain(v.Event.Type), cli.Plain(v.Event.ID), cli.Plain(v.Event.Source))
	if who := cmp.Or(v.Endpoint, v.Source); who != "" {
		fmt.Fprintf(w, "of %s, ", cli.Plain(who))
	}
	fmt.Fprintf(w, "since %s, topic %s\n", clock(v.Stored), cli.Plain(cmp.Or(v.Event.Topic, "not known")))
	if len(v.Document) > 0 {
		writeIndented(w, nil, v.Document)
	}
}

func itemGet(t *cli.Terminal, c *Connection, path, short string) *cobra.Command {
	return &cobra.Command{
		Use: "get ID", Short: short, Args: cobra.ExactArgs(1),
		Example: "  hookspan " + strings.TrimPrefix(path, "/v1/") + " get " + map[string]string{deadPath: "dlv_5m2k", quarantinePath: "qrn_5m2k"}[path],
		RunE: t.Action(func(cmd *cobra.Command, args []string) error {
			return itemCall(t, c, cmd, http.MethodGet, path+"/"+url.PathEscape(args[0]), nil, "")
		}),
	}
}

// itemCall asks about one item and shows what the answer says of it, below a line for people.
func itemCall(t *cli.Terminal, c *Connection, cmd *cobra.Command, method, path string, body any, line string) error {
	client, err := c.Open(t)
	if err != nil {
		return err
	}
	answer := json.RawMessage(`{}`)
	if err := client.Call(cmd.Context(), method, path, nil, body, &answer); err != nil {
		return err
	}
	var v itemView
	if err := json.Unmarshal(answer, &v); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return t.Document(answer, func(w io.Writer) {
		if line != "" {
			fmt.Fprintln(w, line)
		}
		if v.ID != "" {
			v.write(w)
		}
	})
}

// deadAct does something with the dead letter that is named, or with all that the flags mean.
func deadAct(t *cli.Terminal, c *Connection, verb, short, many string) *cobra.Command {
	dry := false
	cmd := &cobra.Command{
		Use: verb + " [ID]", Short: short, Args: cobra.MaximumNArgs(1),
		Example: "  hookspan dead " + verb + " dlv_5m2k\n  hookspan dead " + verb + " --endpoint crm --reason exhausted --dry-run",
	}
	filter := itemFlags(cmd, map[string]string{"endpoint": "name or id of the endpoint"})
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say how many match, and do nothing")
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		given := filter.given()
		switch {
		case len(args) == 0 && len(given) == 0:
			return cli.Usage("say which dead letters: an id, or flags such as --endpoint")
		case len(args) == 1 && (len(given) > 0 || dry):
			return cli.Usage("an id says which dead letter: leave the flags out")
		}
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		if len(args) == 1 {
			path := deadPath + "/" + url.PathEscape(args[0]) + "/" + verb
			if verb == "discard" {
				return itemCall(t, c, cmd, http.MethodPost, path, nil, cli.Plain(args[0])+" is discarded")
			}
			return bulk(cmd.Context(), t, client, path, nil, false, many)
		}
		return bulk(cmd.Context(), t, client, deadPath+"/"+verb, given, dry, many)
	})
	return cmd
}

func itemDiscard(t *cli.Terminal, c *Connection) *cobra.Command {
	return &cobra.Command{
		Use: "discard ID", Short: "Forget a quarantined event", Args: cobra.ExactArgs(1), Example: "  hookspan quarantine discard qrn_5m2k",
		RunE: t.Action(func(cmd *cobra.Command, args []string) error {
			return itemCall(t, c, cmd, http.MethodPost, quarantinePath+"/"+url.PathEscape(args[0])+"/discard", nil, cli.Plain(args[0])+" is discarded")
		}),
	}
}

func itemRelease(t *cli.Terminal, c *Connection) *cobra.Command {
	var attributes, without []string
	var data, dataFile, topic string
	cmd := &cobra.Command{
		Use: "release ID", Short: "Publish a quarantined event to the topic that it was meant for, mended where it has to be", Args: cobra.ExactArgs(1),
		Example: "  hookspan quarantine release qrn_5m2k\n  hookspan quarantine release qrn_5m2k --attribute type=com.sticker.order.shipped --without subject --data '{\"order\": 17}'",
	}
	cmd.Flags().StringArrayVar(&attributes, "attribute", nil, "attribute to set, as name=value; may be given more than once")
	cmd.Flags().StringArrayVar(&without, "without", nil, "attribute to leave out; may be given more than once")
	cmd.Flags().StringVar(&data, "data", "", "data instead of the event's: JSON, or a text where its content type is none of JSON")
	cmd.Flags().StringVar(&dataFile, "data-file", "", "file that holds the data")
	cmd.Flags().StringVar(&topic, "topic", "", "topic, instead of the one that it was meant for")
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		body := map[string]any{}
		mended := map[string]any{}
		for _, text := range attributes {
			name, value, ok := strings.Cut(text, "=")
			if !ok {
				return cli.Usage("--attribute %q has no =", text)
			}
			mended[name] = value
		}
		for _, name := range without {
			mended[name] = nil
		}
		if len(mended) > 0 {
			body["attributes"] = mended
		}
		if topic != "" {
			body["topic"] = topic
		}
		switch {
		case data != "" && dataFile != "":
			return cli.Usage("give --data or --data-file, not both")
		case dataFile != "":
			text, err := os.ReadFile(dataFile)
			if err != nil {
				return fmt.Errorf("read the data: %w", err)
			}
			data = string(text)
		}
		if json.Valid([]byte(data)) {
			body["data"] = json.RawMessage(data)
		} else if data != "" {
			body["data"] = data
		}
		return itemCall(t, c, cmd, http.MethodPost, quarantinePath+"/"+url.PathEscape(args[0])+"/release", body, cli.Plain(args[0])+" is released")
	})
	return cmd
}
