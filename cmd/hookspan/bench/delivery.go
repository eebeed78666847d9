package bench

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

func deliveryCommand(t *cli.Terminal) *cobra.Command {
	var p plan
	cmd := &cobra.Command{
		Use:   "delivery",
		Short: "Measure how many events leave as signed webhooks",
		Long: "Measure delivery: events of 1 KB are published first, then an endpoint is registered that starts with all of them.\n" +
			"The baseline is a bare loop of net/http clients that sign and post as many to the same receiver, a process of its own.",
		Example: "  hookspan bench delivery\n  hookspan bench delivery --events 500000 --connections 64 --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			if err := p.check(); err != nil {
				return err
			}
			m, err := measureDelivery(cmd.Context(), t, &p)
			if err != nil {
				return err
			}
			return t.Document(m, m.write)
		}),
	}
	benchFlags(t, &p, cmd, 64, 3)
	cmd.Flags().Int64Var(&p.events, "events", 100_000, "events to publish; every round delivers all of them")
	tracesFlag(&p, cmd)
	return cmd
}

func measureDelivery(ctx context.Context, t *cli.Terminal, p *plan) (_ *Measurement, err error) {
	receiver, err := startReceiver(ctx, t)
	if err != nil {
		return nil, err
	}
	defer receiver.stop()
	loop, err := openBareLoop(ctx, t, p)
	if err != nil {
		return nil, err
	}
	defer loop.close(&err)
	var both sides
	server, traced, err := startSides(ctx, t, p, "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8")
	if err != nil {
		return nil, err
	}
	defer server.stop()
	defer traced.close(ctx, p.traces, &both.traced.done, &err)
	api, err := server.filled(ctx, t, p)
	if err != nil {
		return nil, err
	}
	var bare, published tally
	var tracedTurn func(*tally) error
	round := 1
	if traced != nil {
		its, err := traced.filled(ctx, t, p)
		if err != nil {
			return nil, err
		}
		tracedTurn = func(y *tally) error { return y.deliver(ctx, its, receiver, 3*round+2, p) }
	}
	for ; round <= p.rounds; round++ {
		if err := errors.Join(bare.post(ctx, receiver, 3*round, p), loop.round(ctx, &published, p.beside(bareEvents))); err != nil {
			return nil, err
		}
		err := both.round(round, func(y *tally) error {
			return profiled(p.last(round), func() error { return y.deliver(ctx, api, receiver, 3*round+1, p) })
		}, tracedTurn)
		if err != nil {
			return nil, err
		}
		t.Progress("round %d of %d: %.0f/s, baseline %.0f/s", round, p.rounds, both.plain.rate(), bare.rate())
	}
	m := measured("delivery", p, &both.plain, &bare, &published)
	m.Traced = both.tracing(p.traces)
	m.P50, m.P99, err = api.attemptSeconds(ctx)
	return m, err
}

// filled publishes the plan's events by a server's intake, and returns its API.
func (s *benchServer) filled(ctx context.Context, t *cli.Terminal, p *plan) (*benchAPI, error) {
	t.Progress("publishing %d events", p.events)
	const publishers = 256
	publish := load.Run{Connections: publishers, Requests: p.events, Counter: &atomic.Int64{}}
	if err := (&tally{}).add(ctx, publish, benchRequest(address(s.intake), "/webhooks/bench")); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	return newBenchAPI(s)
}

// deliver registers an endpoint that takes every event, waits for the last, and removes it.
func (y *tally) deliver(ctx context.Context, api *benchAPI, receiver *receiverProcess, round int, p *plan) error {
	before := mallocs()
	path, err := api.register(ctx, map[string]any{
		"name": "round-" + strconv.Itoa(round), "url": fmt.Sprintf("%s/%d", receiver.url, round), "start": "all", "concurrency": p.connections,
	})
	if err != nil {
		return err
	}
	seen, err := receiver.await(ctx, round, p.events)
	if err != nil {
		return err
	}
	y.mallocs += mallocs() - before
	y.done += seen.Count
	y.elapsed += seen.elapsed()
	return api.Call(ctx, http.MethodDelete, path, nil, nil, nil)
}

// benchSigningSecret signs what is delivered, on both sides.
const benchSigningSecret = "whsec_" + "YmVuY2htYXJrLWJlbmNobWFyay1iZW5jaG1hcmsh"

// post is the bare loop: clients that sign and post, and nothing else.
func (y *tally) post(ctx context.Context, receiver *receiverProcess, round int, p *plan) error {
	key, err := base64.StdEncoding.DecodeString(benchSigningSecret[len("whsec_"):])
	if err != nil {
		return fmt.Errorf("decode the secret: %w", err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: p.connections, MaxConnsPerHost: p.connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: answerTimeout}
	target, body := fmt.Sprintf("%s/%d", receiver.url, round), benchBody()
	var sent atomic.Int64
	errs := make([]error, p.connections)
	var running sync.WaitGroup
	for i := range p.connections {
		running.Go(func() {
			for n := sent.Add(1); n <= p.events && errs[i] == nil; n = sent.Add(1) {
				errs[i] = postSigned(ctx, client, target, key, n, body)
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("bare loop: %w", err)
	}
	seen, err := receiver.await(ctx, round, p.events)
	y.done += seen.Count
	y.elapsed += seen.elapsed()
	return err
}

func postSigned(ctx context.Context, client *http.Client, target string, key []byte, n int64, body []byte) error {
	id, stamp := "msg_"+strconv.FormatInt(n, 10), strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header["Content-Type"] = []string{"application/json"}
	req.Header["Webhook-Id"] = []string{id}
	req.Header["Webhook-Timestamp"] = []string{stamp}
	req.Header["Webhook-Signature"] = []string{"v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	if e := res.Body.Close(); err == nil {
		err = e
	}
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", res.StatusCode)
	}
	return err
}
