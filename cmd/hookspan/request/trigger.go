package request

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// triggerFlags say what is sent, and where.
type triggerFlags struct {
	to, bodyFile string
	secret       cli.SecretFlags
	options      []string
	count        int
	print        bool
}

func TriggerCommand(t *cli.Terminal) *cobra.Command {
	var f triggerFlags
	cmd := &cobra.Command{
		Use:   "trigger PROVIDER [TYPE]",
		Short: "Send a webhook as a provider would: signed or encrypted",
		Long:  "Send a sample webhook, with a fresh id, signed or encrypted as that provider does it. Without TYPE the provider's first sample is sent.",
		Example: "  hookspan trigger sticker order.shipped --to http://127.0.0.1:8080/webhooks/shop --secret S\n" +
			"  hookspan trigger github push --to http://127.0.0.1:8080/webhooks/code --secret-file secret --body-file push.json\n" +
			"  hookspan trigger stripe --to http://127.0.0.1:8080/webhooks/pay --secret S --print",
		Args: cobra.RangeArgs(1, 2),
	}
	cmd.Flags().StringVar(&f.to, "to", "", "URL of the source (required)")
	cmd.Flags().StringVar(&f.bodyFile, "body-file", "", "body to send instead of the sample's; - reads standard input")
	cmd.Flags().StringArrayVar(&f.options, "option", nil, "key=value, as in the OPTIONS of the source (repeatable)")
	cmd.Flags().IntVar(&f.count, "count", 1, "how many, each a new event")
	cmd.Flags().BoolVar(&f.print, "print", false, "print the request instead of sending it; verify reads it")
	f.secret.Flags(cmd)
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		p, err := providerOf(t, args[0])
		if err != nil {
			return err
		}
		query, err := f.query(t, args[1:])
		if err != nil {
			return err
		}
		return trigger(cmd.Context(), t, p, query, &f)
	})
	return cmd
}

// query is what is asked of the provider.
func (f *triggerFlags) query(t *cli.Terminal, kind []string) (q provider.SampleRequest, err error) {
	if u, e := url.Parse(f.to); e != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return q, cli.Usage("--to: want the URL of a source, such as http://127.0.0.1:8080/webhooks/shop")
	}
	if f.count < 1 {
		return q, cli.Usage("--count: want 1 or more")
	}
	secrets, err := f.secret.Open()
	if err != nil {
		return q, err
	}
	q = provider.SampleRequest{Secret: secrets[0], URL: f.to, Type: strings.Join(kind, "")}
	if f.bodyFile != "" {
		if q.Body, err = t.ReadInput("--body-file", f.bodyFile); err != nil {
			return q, err
		}
	}
	q.Options, err = cli.Pairs("option", f.options, "=")
	return q, err
}

// answerTime is how long a source may take to answer.
const answerTime = 30 * time.Second

// trigger makes and sends the samples. An answer that is no success ends it with exit code 1.
func trigger(ctx context.Context, t *cli.Terminal, p *provider.Provider, q provider.SampleRequest, f *triggerFlags) error {
	client := &http.Client{Timeout: answerTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for q.Seq = 1; q.Seq <= f.count; q.Seq++ {
		q.Now = time.Now()
		sample, err := p.Sample(q)
		if err != nil {
			return cli.Usage("%w", err)
		}
		if f.print {
			if err := writeRequest(cli.Raw(t.Out), sample); err != nil {
				return err
			}
			continue
		}
		answer, err := post(ctx, client, sample)
		if err != nil {
			return err
		}
		if err := t.Document(answer, answer.write); err != nil {
			return err
		}
		if answer.Status >= 300 {
			return fmt.Errorf("the answer was %d", answer.Status)
		}
	}
	return nil
}

// An answered is what a source said to a webhook.
type answered struct {
	URL        string  `json:"url"`
	Status     int     `json:"status"`
	DurationMS float64 `json:"duration_ms"`
	Bytes      int     `json:"bytes"` // of the body that was sent
	Answer     string  `json:"answer,omitempty"`
}

func (a *answered) write(w io.Writer) {
	fmt.Fprintf(w, "sent %d bytes to %s: %d in %.1f ms\n", a.Bytes, a.URL, a.Status, a.DurationMS)
	if a.Answer != "" {
		fmt.Fprintln(w, a.Answer)
	}
}

func post(ctx context.Context, client *http.Client, s *provider.Sample) (*answered, error) {
	req, err := http.NewRequestWithContext(ctx, s.Method, s.URL, bytes.NewReader(s.Body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header = s.Header
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "Hookspan/"+cli.Version())
	}
	began := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("send the webhook: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read-only
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return &answered{URL: s.URL, Status: res.StatusCode, DurationMS: float64(time.Since(began)) / float64(time.Millisecond), Bytes: len(s.Body), Answer: readable(text)}, nil
}

// readable keeps JSON on one line and everything else as it is.
func readable(text []byte) string {
	var compact bytes.Buffer
	if json.Compact(&compact, text) == nil {
		return compact.String()
	}
	return strings.TrimSpace(string(text))
}

// writeRequest prints a request as it goes over the wire.
func writeRequest(w io.Writer, s *provider.Sample) error {
	req, err := http.NewRequest(s.Method, s.URL, bytes.NewReader(s.Body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header = s.Header
	return req.Write(w)
}
