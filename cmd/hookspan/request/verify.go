package request

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A Judgement is what verify found out about a request.
type Judgement struct {
	Provider string             `json:"provider"`
	Source   string             `json:"source"`
	URL      string             `json:"url"` // that signatures are compared with
	Genuine  bool               `json:"genuine"`
	Proof    provider.Proof     `json:"proof,omitempty"` // of genuine events
	Reason   string             `json:"reason,omitempty"`
	Detail   string             `json:"detail,omitempty"`
	Status   int                `json:"status"` // what the sender would be answered
	Events   []eventItem        `json:"events,omitempty"`
	Findings []provider.Finding `json:"findings"` // why, in words
}

// An eventItem is a CloudEvent without its data.
type eventItem struct {
	ID      string    `json:"id"`
	Source  string    `json:"source"`
	Type    string    `json:"type"`
	Subject string    `json:"subject,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	Size    int       `json:"size"`
	Topic   string    `json:"topic"`
}

// The errors of a request that was judged and would be refused, or taken without proof.
var (
	errNotGenuine = errors.New("the request is not genuine")
	errNotTaken   = errors.New("the request is genuine, and the source does not take it")
)

// requestFlags say where a saved request is.
type requestFlags struct {
	bodyFile, method, url, at string
	source, peer              string
	any                       bool
	headers, options          []string
	secret                    cli.SecretFlags
}

func (f *requestFlags) flags(cmd *cobra.Command) {
	f.saved(cmd)
	cmd.Flags().StringArrayVar(&f.options, "option", nil, "key=value, as in the OPTIONS of a source (repeatable)")
	cmd.Flags().StringVar(&f.source, "source", "", "judge as this source of the configuration does (instead of PROVIDER, secrets and options)")
	cmd.Flags().StringVar(&f.peer, "peer", "", "with --source: address that handed the request over; X-Forwarded headers count when HOOKSPAN_TRUSTED_PROXIES has it (default: one of these)")
	cmd.Flags().BoolVar(&f.any, "any", false, "find out whose request it is (instead of PROVIDER): every provider is tried with the secret")
}

// saved are the flags of what was saved, and of its secret.
func (f *requestFlags) saved(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.bodyFile, "body-file", "", "file with the body alone, byte for byte (instead of FILE)")
	cmd.Flags().StringArrayVar(&f.headers, "header", nil, "Name: value of the request (repeatable; replaces the one in FILE)")
	cmd.Flags().StringVar(&f.method, "method", "", "method of the request (default that in FILE, else POST)")
	cmd.Flags().StringVar(&f.url, "url", "", "URL as the sender knows it, for signatures over the URL (default: what a server would take it for)")
	cmd.Flags().StringVar(&f.at, "at", "", "RFC 3339 time at which it came (default now)")
	f.secret.Flags(cmd)
}

func VerifyCommand(t *cli.Terminal, configured Configured) *cobra.Command {
	var f requestFlags
	cmd := &cobra.Command{
		Use:   "verify (PROVIDER | --source NAME | --any) [FILE]",
		Short: "Explain why a saved request is refused, or what it means",
		Long: "Judge a saved request as a source of that provider would, and explain the result; with --source it is that\n" +
			"source of the configuration that takes it, on a bus that keeps nothing: the status is what the running source answers, and\n" +
			"the findings say where the events go. Only what came before (repeats, rates) and what a bus of others takes is not known.\n" +
			"With --any it says whose request it is: which providers its headers tell, and, with a secret, as whose it is genuine.\n" +
			"FILE is the request as text: request line, headers, an empty line, and the body byte for byte; - reads standard input.",
		Example: "  hookspan verify github request.txt --secret-file secret\n" +
			"  hookspan verify --source sms request.txt\n" +
			"  hookspan verify --any request.txt --secret-file secret\n" +
			"  hookspan verify sticker --body-file body.json --header 'X-Sticker-Signature: sha256=…' --secret S --json",
		Args: cobra.MaximumNArgs(2),
	}
	f.flags(cmd)
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		if f.any {
			return f.verifyAny(t, args)
		}
		by, rest, err := f.open(cmd.Context(), t, configured, args)
		if err != nil {
			return err
		}
		request, err := f.request(t, rest)
		if err != nil {
			return err
		}
		j, err := by.judge(request, f.url)
		if err != nil {
			return err
		}
		return errors.Join(t.Document(j, j.write), j.err())
	})
	return cmd
}

// open finds who judges; what is left of the arguments names the request.
func (f *requestFlags) open(ctx context.Context, t *cli.Terminal, configured Configured, args []string) (*judge, []string, error) {
	if f.source != "" {
		if len(args) > 1 || f.secret.Given() || len(f.options) > 0 {
			return nil, nil, cli.Usage("--source brings provider, secrets and options; leave them out")
		}
		j, err := sourceJudge(ctx, configured, t, f.source, f.peer)
		return j, args, err
	}
	if len(args) == 0 {
		return nil, nil, cli.Usage("name a provider, or a source with --source, or let --any find out whose it is")
	}
	c, err := catalog(t)
	if err != nil {
		return nil, nil, err
	}
	p, err := providerIn(c, args[0])
	if err != nil {
		return nil, nil, err
	}
	j, err := f.judgeOf(p)
	if err != nil {
		return nil, nil, err
	}
	j.catalog = c
	return j, args[1:], nil
}

func (j *Judgement) write(w io.Writer) {
	is := "refused"
	switch {
	case j.Genuine && j.taken():
		is = "genuine"
	case j.Genuine:
		is = "genuine, but refused"
	case j.taken():
		is = "not genuine, but taken"
	}
	fmt.Fprintf(w, "%s; the answer is %d\n", is, j.Status)
	if j.URL != "" {
		fmt.Fprintf(w, "  the URL: %s\n", j.URL)
	}
	for _, f := range j.Findings {
		fmt.Fprintf(w, "  %s\n", f.Text)
		if f.Remedy != "" {
			fmt.Fprintf(w, "    → %s\n", f.Remedy)
		}
	}
}

func (j *Judgement) err() error {
	switch {
	case !j.Genuine:
		return errNotGenuine
	case !j.taken():
		return errNotTaken
	}
	return nil
}

// request builds the saved request from FILE and flags.
func (f *requestFlags) request(t *cli.Terminal, file []string) (*provider.Request, error) {
	r := &provider.Request{Method: http.MethodPost, URL: f.url, Header: http.Header{}, Received: time.Now()}
	var err error
	if len(file) == 1 {
		text, err := t.ReadInput("FILE", file[0])
		if err != nil {
			return nil, err
		}
		if err := readRequest(r, text); err != nil {
			return nil, cli.Usage("FILE: %w", err)
		}
	} else if r.Body, err = t.ReadInput("FILE or --body-file", f.bodyFile); err != nil {
		return nil, err
	}
	header, err := cli.HeaderOf(f.headers)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Method = cmp.Or(f.method, r.Method)
	if f.url != "" {
		r.URL = f.url
	}
	if f.at != "" {
		if r.Received, err = time.Parse(time.RFC3339, f.at); err != nil {
			return nil, cli.Usage("--at: want a time such as 2026-05-04T10:00:00Z")
		}
	}
	return r, nil
}
