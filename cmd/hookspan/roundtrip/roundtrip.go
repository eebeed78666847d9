package roundtrip

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/client"
)

// eventType is the end of the event's type; its front is the source's.
const eventType = "roundtrip"

// providerName is the provider that the source must have.
const providerName = "standard-webhooks"

// flags say which way the webhook takes.
type flags struct {
	to, listen, url string
	secret          cli.SecretFlags
	timeout         time.Duration
}

// Command sends a webhook in and waits for it to come out.
func Command(t *cli.Terminal) *cobra.Command {
	var c client.Connection
	var f flags
	cmd := &cobra.Command{
		Use:   "roundtrip",
		Short: "Prove an installation: a signed webhook in, and out again to this command",
		Long: "Send a signed webhook to a source, and wait until it is delivered to a listener of this command, by an endpoint that is\n" +
			"registered for as long as that takes. The source's provider has to be " + providerName + ". The event's type ends in\n" +
			"." + eventType + "; endpoints that take every type get it too. When something is in the way, it is said in one sentence.",
		Example: "  hookspan roundtrip --to http://127.0.0.1:8080/webhooks/trip --secret-file secret\n" +
			"  hookspan roundtrip --to http://hookspan/webhooks/trip --secret-file secret --listen :8090 --url http://tester:8090/ --server http://hookspan-admin:8081",
		Args: cobra.NoArgs,
	}
	c.Flags(cmd)
	cmd.Flags().StringVar(&f.to, "to", "", "URL of the source (required)")
	cmd.Flags().StringVar(&f.listen, "listen", ":0", "address to take the delivery at")
	cmd.Flags().StringVar(&f.url, "url", "", "URL by which Hookspan reaches that address (default: this machine's address towards the server)")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 30*time.Second, "how long it may take in all")
	f.secret.Flags(cmd)
	cmd.RunE = t.Action(func(cmd *cobra.Command, _ []string) error {
		api, err := c.Open(t)
		if err != nil {
			return err
		}
		done, err := f.run(cmd.Context(), t, api)
		if err != nil {
			return err
		}
		return t.Document(done, done.write)
	})
	return cmd
}

// Done is a round trip that succeeded.
type Done struct {
	To          string  `json:"to"`
	URL         string  `json:"url"`
	AnswerMS    float64 `json:"answer_ms"`    // until the webhook was taken in
	DeliveredMS float64 `json:"delivered_ms"` // until it was here again
	Attempt     string  `json:"attempt"`      // the number of the one that arrived
}

func (d *Done) write(w io.Writer) {
	fmt.Fprintf(w, "delivered to %s %.1f ms after it was sent (attempt %s): the signature is right, the body the same\n", d.URL, d.DeliveredMS, d.Attempt)
}

// run makes the trip. The endpoint is removed whatever comes of it.
func (f *flags) run(ctx context.Context, t *cli.Terminal, api *client.API) (_ *Done, err error) {
	id := rand.Text() // in no other body
	sample, err := f.sample(id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	if err := awaitReady(ctx, api); err != nil {
		return nil, err
	}
	t.Progress("ready: %s", api.Server.Host)
	r, err := newReceiver(f.listen, id, sample.Body)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if r.url, err = f.reachedBy(ctx, api, r); err != nil {
		return nil, err
	}
	e, err := register(ctx, api, r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.remove(ctx)) }()
	t.Progress("registered: endpoint %s, %s", e.Name, r.url)
	began := time.Now()
	if err := send(ctx, sample); err != nil {
		return nil, err
	}
	answered := time.Since(began)
	t.Progress("sent: %s took it in, in %.1f ms", f.to, milliseconds(answered))
	a, err := e.await(ctx, r, sample.Header.Get("Webhook-Id"))
	if err != nil {
		return nil, err
	}
	return &Done{To: f.to, URL: r.url, AnswerMS: milliseconds(answered), DeliveredMS: milliseconds(a.at.Sub(began)), Attempt: a.attempt}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// sample is the webhook.
func (f *flags) sample(id string) (*provider.Sample, error) {
	if u, err := url.Parse(f.to); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, cli.Usage("--to: want the URL of a source, such as http://127.0.0.1:8080/webhooks/trip")
	}
	if f.timeout <= 0 {
		return nil, cli.Usage("--timeout: want a positive duration such as 30s")
	}
	secrets, err := f.secret.Open()
	if err != nil {
		return nil, err
	}
	catalog, err := provider.Load("")
	if err != nil {
		return nil, err
	}
	p, ok := catalog.Provider(providerName)
	if !ok {
		return nil, fmt.Errorf("this program has no provider %s", providerName)
	}
	now := time.Now()
	body, err := json.Marshal(map[string]any{"type": eventType, "timestamp": now.UTC(), "data": map[string]string{"id": id}})
	if err != nil {
		return nil, fmt.Errorf("make the body: %w", err)
	}
	sample, err := p.Sample(provider.SampleRequest{Secret: secrets[0], URL: f.to, Body: body, Now: now, Seq: 1})
	if err != nil {
		return nil, cli.Usage("%w", err)
	}
	return sample, nil
}

// awaitReady asks until events can be stored.
func awaitReady(ctx context.Context, api *client.API) error {
	err := again(ctx, func() (bool, error) {
		return false, api.Call(ctx, http.MethodGet, "/readyz", nil, nil, nil)
	})
	if err != nil {
		return fmt.Errorf("%s is not ready: %w", api.Server.Host, plainly(api.Server.Host, err))
	}
	return nil
}

// answerTime is how long one request may take.
const answerTime = 10 * time.Second

// send sends the webhook until it is taken in, or refused for good.
func send(ctx context.Context, s *provider.Sample) error {
	host := s.URL
	if u, err := url.Parse(s.URL); err == nil {
		host = u.Host
	}
	c := &http.Client{Timeout: answerTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	err := again(ctx, func() (bool, error) {
		req, err := http.NewRequestWithContext(ctx, s.Method, s.URL, strings.NewReader(string(s.Body)))
		if err != nil {
			return true, fmt.Errorf("make the request: %w", err)
		}
		req.Header = s.Header.Clone()
		req.Header.Set("User-Agent", "Hookspan/"+cli.Version())
		res, err := c.Do(req)
		if err != nil {
			return false, plainly(host, err)
		}
		defer func() { _ = res.Body.Close() }() // read-only
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return res.StatusCode != http.StatusServiceUnavailable, refused(res.StatusCode, strings.TrimSpace(string(text)))
	})
	if err != nil {
		return fmt.Errorf("the webhook was not taken in: %w", err)
	}
	return nil
}

// refused says what an answer of the intake means; nil is success.
func refused(status int, text string) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusNotFound:
		return fmt.Errorf("the intake answered 404: it has no such source; configure one with the provider %s", providerName)
	case status == http.StatusUnauthorized:
		return errors.New("the intake answered 401: the secret is not one of the source's, or its provider is another; hookspan refusals says what was compared")
	}
	return fmt.Errorf("the intake answered %d: %s", status, cli.Plain(text))
}
