package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider"
)

// A judgement is what verify found out about a request.
type judgement struct {
	Provider string             `json:"provider"`
	Genuine  bool               `json:"genuine"`
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
}

// errNotGenuine is the error of a request that was judged and refused.
var errNotGenuine = errors.New("the request is not genuine")

// requestFlags say where a saved request is.
type requestFlags struct {
	bodyFile, method, url, at string
	headers, options          []string
	secret                    secretFlags
}

func (f *requestFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.bodyFile, "body-file", "", "file with the body alone, byte for byte (instead of FILE)")
	cmd.Flags().StringArrayVar(&f.headers, "header", nil, "Name: value of the request (repeatable; replaces the one in FILE)")
	cmd.Flags().StringArrayVar(&f.options, "option", nil, "key=value, as in the OPTIONS of a source (repeatable)")
	cmd.Flags().StringVar(&f.method, "method", "", "method of the request (default that in FILE, else POST)")
	cmd.Flags().StringVar(&f.url, "url", "", "URL as the sender knows it, for signatures over the URL")
	cmd.Flags().StringVar(&f.at, "at", "", "RFC 3339 time at which it came (default now)")
	f.secret.flags(cmd)
}

func (t *terminal) verifyCommand() *cobra.Command {
	var f requestFlags
	cmd := &cobra.Command{
		Use:   "verify PROVIDER [FILE]",
		Short: "Explain why a saved request is refused, or what it means",
		Long: "Judge a saved request as a source of that provider would, and explain the result.\n" +
			"FILE is the request as text: request line, headers, an empty line, and the body byte for byte; - reads standard input.",
		Example: "  hookspan verify github request.txt --secret-file secret\n" +
			"  hookspan verify sticker --body-file body.json --header 'X-Sticker-Signature: sha256=…' --secret S --json",
		Args: cobra.RangeArgs(1, 2),
	}
	f.flags(cmd)
	cmd.RunE = t.action(func(_ *cobra.Command, args []string) error {
		p, err := t.provider(args[0])
		if err != nil {
			return err
		}
		request, err := f.request(t, args[1:])
		if err != nil {
			return err
		}
		j, err := f.judge(p, request)
		if err != nil {
			return err
		}
		if err := t.document(j, j.write); err != nil || j.Genuine {
			return err
		}
		return errNotGenuine
	})
	return cmd
}

// judge verifies a request the way a source does.
func (f *requestFlags) judge(p *provider.Provider, request *provider.Request) (*judgement, error) {
	secrets, err := f.secret.open()
	if err != nil {
		return nil, err
	}
	options, err := pairs("option", f.options, "=")
	if err != nil {
		return nil, err
	}
	v, err := p.Compile(provider.Config{Source: p.Name, Secrets: secrets, Options: options})
	if err != nil {
		return nil, usage("%w", err)
	}
	j := &judgement{Provider: p.Name, Genuine: true, Status: v.Success().Status, Findings: provider.Explain(v, request)}
	verdict, err := v.Verify(request)
	var refusal *provider.Refusal
	switch {
	case errors.As(err, &refusal):
		j.Genuine, j.Reason, j.Detail, j.Status = false, string(refusal.Reason), refusal.Detail, v.StatusOf(refusal)
		return j, nil
	case err != nil:
		return nil, err
	case verdict.Answer != nil:
		j.Status = verdict.Answer.Status
	case verdict.Invalid != "":
		j.Reason, j.Detail = string(verdict.Reason), verdict.Invalid
	}
	for i := range verdict.Events {
		e := &verdict.Events[i]
		j.Events = append(j.Events, eventItem{e.ID, e.Source, e.Type, e.Subject, e.Time, len(e.Data)})
	}
	return j, nil
}

func (j *judgement) write(w io.Writer) {
	if j.Genuine {
		fmt.Fprintf(w, "genuine; the answer is %d\n", j.Status)
	} else {
		fmt.Fprintf(w, "refused; the answer is %d\n", j.Status)
	}
	for _, f := range j.Findings {
		fmt.Fprintf(w, "  %s\n", f.Text)
		if f.Remedy != "" {
			fmt.Fprintf(w, "    → %s\n", f.Remedy)
		}
	}
}

// request builds the saved request from FILE and flags.
func (f *requestFlags) request(t *terminal, file []string) (*provider.Request, error) {
	r := &provider.Request{Method: http.MethodPost, URL: f.url, Header: http.Header{}, Received: time.Now()}
	var err error
	if len(file) == 1 {
		text, err := t.readInput("FILE", file[0])
		if err != nil {
			return nil, err
		}
		if err := readRequest(r, text); err != nil {
			return nil, usage("FILE: %w", err)
		}
	} else if r.Body, err = t.readInput("FILE or --body-file", f.bodyFile); err != nil {
		return nil, err
	}
	header, err := headerOf(f.headers)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Method = first(f.method, r.Method)
	if f.url != "" {
		r.URL = f.url
	}
	if f.at != "" {
		if r.Received, err = time.Parse(time.RFC3339, f.at); err != nil {
			return nil, usage("--at: want a time such as 2026-05-04T10:00:00Z")
		}
	}
	return r, nil
}
