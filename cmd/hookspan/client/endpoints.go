package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

const EndpointsPath = "/v1/endpoints"

// EndpointsCommand is the command and all below it.
func EndpointsCommand(t *cli.Terminal) *cobra.Command {
	var c Connection
	cmd := &cobra.Command{
		Use:     "endpoints",
		Short:   "Register, change and look up the receivers of events",
		Example: "  hookspan endpoints\n  hookspan endpoints create crm --url https://crm.example/hooks --events 'com.sticker.*'\n  hookspan endpoints enable crm",
	}
	c.Flags(cmd)
	list := endpointList(t, &c)
	cmd.Args, cmd.RunE = cobra.NoArgs, list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, endpointGet(t, &c), endpointCreate(t, &c), endpointUpdate(t, &c), endpointDelete(t, &c))
	cmd.AddCommand(endpointEnable(t, &c), endpointTest(t, &c))
	cmd.AddCommand(endpointAct(t, &c, "pause", "Keep what is for an endpoint, and send nothing to it, until it is resumed"))
	cmd.AddCommand(endpointAct(t, &c, "resume", "Deliver again to an endpoint that was paused"))
	cmd.AddCommand(endpointDrain(t, &c), endpointRotate(t, &c), endpointPreview(t, &c))
	return cmd
}

// An endpointItem is the part of an endpoint that people are shown.
type endpointItem struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	URL       string    `json:"url"`
	Events    []string  `json:"events"`
	State     string    `json:"state"`
	Reason    string    `json:"reason"`
	ManagedBy string    `json:"managed_by"`
	Active    bool      `json:"active"`
	Breaker   breaker   `json:"breaker"`
	HeldUntil time.Time `json:"held_until"`
	HeldBy    string    `json:"held_by"`
	Warnings  []string  `json:"warnings"`
	Behind    struct {
		Events int  `json:"events"`
		About  bool `json:"about"`
	} `json:"behind"`
	Secrets []string `json:"secrets"` // only in the answer to a create that made one
}

func endpointList(t *cli.Terminal, c *Connection) *cobra.Command {
	var tenant string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List endpoints",
		Example: "  hookspan endpoints list --json\n  hookspan endpoints list --tenant acme",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			client, err := c.Open(t)
			if err != nil {
				return err
			}
			query := url.Values{}
			if tenant != "" {
				query.Set("tenant", tenant)
			}
			if t.JSON {
				return client.list(cmd.Context(), EndpointsPath, query, 0, func(item json.RawMessage) error { return t.Line(item) })
			}
			g := cli.NewGrid(t.Out, "NAME", "STATE", "BEHIND", "FROM", "EVENTS", "URL", "ID")
			err = client.list(cmd.Context(), EndpointsPath, query, 0, func(item json.RawMessage) error {
				var e endpointItem
				if err := json.Unmarshal(item, &e); err != nil {
					return fmt.Errorf("decode an endpoint: %w", err)
				}
				g.Row(e.Name, e.status(), e.behind(), e.ManagedBy, strings.Join(e.Events, ","), e.URL, e.ID)
				return nil
			})
			if err != nil {
				return err
			}
			return g.End()
		}),
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "only those of this tenant")
	return cmd
}

func (e *endpointItem) status() string {
	text := e.State
	switch {
	case e.Reason != "":
		text += " (" + e.Reason + ")"
	case !e.Active:
		text += ", not active"
	}
	if !e.HeldUntil.IsZero() {
		text += ", held until " + e.HeldUntil.Format(time.RFC3339) + " (" + e.HeldBy + ")"
	}
	return text + e.Breaker.status()
}

// warn prints what an operator should know of an endpoint that was just changed.
func (e *endpointItem) warn(w io.Writer) {
	for _, warning := range e.Warnings {
		fmt.Fprintf(w, "warning: %s\n", cli.Plain(warning))
	}
}

// behind is how many events it has still to be brought.
func (e *endpointItem) behind() string {
	text := strconv.Itoa(e.Behind.Events)
	if e.Behind.About {
		text = "about " + text
	}
	return text
}

// Find returns the path of an endpoint that is given by name or id.
func (c *API) Find(ctx context.Context, nameOrID string) (string, error) {
	path := ""
	err := c.list(ctx, EndpointsPath, url.Values{}, 0, func(item json.RawMessage) error {
		var e endpointItem
		if err := json.Unmarshal(item, &e); err != nil {
			return fmt.Errorf("decode an endpoint: %w", err)
		}
		if e.ID == nameOrID || (e.Name == nameOrID && path == "") {
			path = EndpointsPath + "/" + url.PathEscape(e.ID)
		}
		return nil
	})
	if err == nil && path == "" {
		err = fmt.Errorf("no endpoint is called %q; hookspan endpoints lists them", nameOrID)
	}
	return path, err
}

// find opens the connection and returns the path of an endpoint with it.
func (c *Connection) find(ctx context.Context, t *cli.Terminal, nameOrID string) (*API, string, error) {
	client, err := c.Open(t)
	if err != nil {
		return nil, "", err
	}
	path, err := client.Find(ctx, nameOrID)
	return client, path, err
}

// one makes a command that sends one request about one endpoint.
func one(t *cli.Terminal, c *Connection, cmd *cobra.Command, method, suffix string, body func() (any, error), text func(io.Writer, *endpointItem, json.RawMessage)) *cobra.Command {
	match := ""
	if suffix == "" && method != http.MethodGet {
		cmd.Flags().StringVar(&match, "if-match", "", "only if the endpoint's ETag is this one still (endpoints get --etag)")
	}
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		in, err := body()
		if err != nil {
			return err
		}
		path, err := client.Find(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return send(cmd.Context(), t, client, match, method, path+suffix, in, text)
	})
	return cmd
}

// send makes the request and prints the answer.
func send(ctx context.Context, t *cli.Terminal, c *API, match, method, path string, in any, text func(io.Writer, *endpointItem, json.RawMessage)) error {
	answer := json.RawMessage(`{}`)
	if _, err := c.CallIf(ctx, match, method, path, nil, in, &answer); err != nil {
		return err
	}
	var e endpointItem
	if err := json.Unmarshal(answer, &e); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return t.Document(answer, func(w io.Writer) { text(w, &e, answer) })
}

func noBody() (any, error) { return nil, nil }

func endpointGet(t *cli.Terminal, c *Connection) *cobra.Command {
	cmd := &cobra.Command{Use: "get NAME", Short: "Show an endpoint", Example: "  hookspan endpoints get crm\n  hookspan endpoints get crm --etag"}
	one(t, c, cmd, http.MethodGet, "", noBody, writeIndented)
	show, tagOnly := cmd.RunE, cmd.Flags().Bool("etag", false, "print its ETag alone, for --if-match")
	printTag := t.Action(func(cmd *cobra.Command, args []string) error {
		client, path, err := c.find(cmd.Context(), t, args[0])
		if err != nil {
			return err
		}
		tag, err := client.CallIf(cmd.Context(), "", http.MethodGet, path, nil, nil, nil)
		if err != nil {
			return err
		}
		return t.Document(map[string]string{"etag": tag}, func(w io.Writer) { fmt.Fprintln(w, cli.Plain(tag)) })
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *tagOnly {
			return printTag(cmd, args)
		}
		return show(cmd, args)
	}
	return cmd
}

func endpointDelete(t *cli.Terminal, c *Connection) *cobra.Command {
	cmd := &cobra.Command{Use: "delete NAME", Short: "Remove an endpoint; what waits for it is discarded", Example: "  hookspan endpoints delete crm"}
	return one(t, c, cmd, http.MethodDelete, "", noBody, func(w io.Writer, _ *endpointItem, _ json.RawMessage) {
		fmt.Fprintln(w, "deleted")
	})
}

func endpointAct(t *cli.Terminal, c *Connection, verb, short string) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " NAME", Short: short, Example: "  hookspan endpoints " + verb + " crm"}
	return one(t, c, cmd, http.MethodPost, "/"+verb, noBody, writeState)
}

func endpointEnable(t *cli.Terminal, c *Connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "enable NAME",
		Short:   "Deliver again to an endpoint that was disabled or paused, or is held by its own answer",
		Example: "  hookspan endpoints enable crm\n  hookspan endpoints enable crm --test",
	}
	test := cmd.Flags().Bool("test", false, "only if it takes a test event first")
	return one(t, c, cmd, http.MethodPost, "/enable", func() (any, error) {
		return map[string]bool{"test": *test}, nil
	}, writeState)
}

// writeState says how an endpoint is now.
func writeState(w io.Writer, e *endpointItem, _ json.RawMessage) {
	fmt.Fprintf(w, "%s is %s\n", cli.Plain(e.Name), cli.Plain(e.status()))
	e.warn(w)
}

// endpointTest fails where the endpoint does, so that a script can ask.
func endpointTest(t *cli.Terminal, c *Connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "test NAME",
		Short:   "Send a test event to an endpoint and show what came of it",
		Long:    "Send a test event to an endpoint now, outside its order and limits, and show what came of it. Nothing is recorded, and nothing tried again. The exit code is 1 when the endpoint did not take it.",
		Example: "  hookspan endpoints test crm\n  hookspan endpoints test crm --type com.acme.order",
		Args:    cobra.ExactArgs(1),
	}
	eventType := cmd.Flags().String("type", "", "the type of the event; without it hookspan.test")
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		if !utf8.ValidString(*eventType) { // JSON would say another type
			return cli.Usage("--type: is no UTF-8")
		}
		client, path, err := c.find(cmd.Context(), t, args[0])
		if err != nil {
			return err
		}
		body := map[string]string{}
		if cmd.Flags().Changed("type") {
			body["type"] = *eventType
		}
		answer := json.RawMessage(`{}`)
		if err := client.Call(cmd.Context(), http.MethodPost, path+"/test", nil, body, &answer); err != nil {
			return err
		}
		var a attempt
		if err := json.Unmarshal(answer, &a); err != nil {
			return fmt.Errorf("decode the answer: %w", err)
		}
		if err := t.Document(answer, func(w io.Writer) {
			writeTimes(w, []attempt{a})
			a.write(w)
		}); err != nil {
			return err
		}
		if a.Reason != "" {
			return fmt.Errorf("endpoint %s did not take the test event", args[0])
		}
		return nil
	})
	return cmd
}

// writeIndented prints an answer as it is, for people: one field per line.
func writeIndented(w io.Writer, _ *endpointItem, answer json.RawMessage) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(answer) // to a terminal; the exit code is about the request
}

func endpointCreate(t *cli.Terminal, c *Connection) *cobra.Command {
	var f endpointFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Register an endpoint",
		Long:  "Register an endpoint. Without a secret the server makes one for the standard signature and shows it once.",
		Example: "  hookspan endpoints create crm --url https://crm.example/hooks --events 'com.sticker.*'\n" +
			"  hookspan endpoints create crm --file endpoint.json",
		Args: cobra.ExactArgs(1),
	}
	f.flags(cmd)
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		body, err := f.body(t, cmd)
		if err != nil {
			return err
		}
		body["name"] = args[0]
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		return send(cmd.Context(), t, client, "", http.MethodPost, EndpointsPath, body, func(w io.Writer, e *endpointItem, _ json.RawMessage) {
			fmt.Fprintf(w, "created %s (%s)\n", cli.Plain(e.Name), cli.Plain(e.ID))
			for _, secret := range e.Secrets {
				fmt.Fprintf(w, "secret, shown this once: %s\n", cli.Plain(secret))
			}
			e.warn(w)
		})
	})
	return cmd
}

func endpointUpdate(t *cli.Terminal, c *Connection) *cobra.Command {
	var f endpointFlags
	cmd := &cobra.Command{
		Use:     "update NAME",
		Short:   "Change an endpoint; what is not named stays",
		Example: "  hookspan endpoints update crm --rate 50/s --active=false",
	}
	f.flags(cmd)
	body := func() (any, error) { return f.body(t, cmd) }
	return one(t, c, cmd, http.MethodPatch, "", body, func(w io.Writer, e *endpointItem, _ json.RawMessage) {
		fmt.Fprintf(w, "updated %s\n", cli.Plain(e.Name))
		e.warn(w)
	})
}
