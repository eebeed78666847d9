package bench

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

// benchSecret signs what the load generator sends.
const benchSecret = "secret-of-the-benchmark"

// benchBody is a Sticker order of about 1 KB.
func benchBody() []byte {
	return []byte(`{"event":"order.shipped","timestamp":"2026-05-04T10:00:00Z","data":{"order_id":"` + load.ID + `","note":"` +
		strings.Repeat("x", 890) + `"}}`)
}

// benchSigner signs as Sticker does.
func benchSigner() func(dst, body []byte) {
	mac, sum := hmac.New(sha256.New, []byte(benchSecret)), make([]byte, 0, sha256.Size)
	return func(dst, body []byte) {
		mac.Reset()
		mac.Write(body)
		hex.Encode(dst, mac.Sum(sum))
	}
}

// benchRequest is one signed webhook; its delivery id and its order change with every send.
func benchRequest(address, path string) load.Request {
	return load.NewRequest(address, path, "X-Sticker-Delivery-ID", http.Header{
		"Content-Type":        {"application/json"},
		"X-Sticker-Event":     {"order.shipped"},
		"X-Sticker-Timestamp": {fmt.Sprint(time.Now().Unix())},
	}, benchBody(), &load.Signing{Header: "X-Sticker-Signature", Prefix: "sha256=", Length: hex.EncodedLen(sha256.Size), New: benchSigner})
}

func intakeCommand(t *cli.Terminal) *cobra.Command {
	var p plan
	cmd := &cobra.Command{
		Use:   "intake",
		Short: "Measure how many webhooks are verified and made durable",
		Long: "Measure intake: signed webhooks of 1 KB over keep-alive connections, each a new event.\n" +
			"The baseline is a bare net/http handler that reads the body, checks the HMAC and answers.",
		Example: "  hookspan bench intake\n  hookspan bench intake --sync lazy --events 1000000 --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			if err := p.check(); err != nil {
				return err
			}
			m, err := measureIntake(cmd.Context(), t, &p)
			if err != nil {
				return err
			}
			return t.Document(m, m.write)
		}),
	}
	benchFlags(t, &p, cmd, 256, 3)
	cmd.Flags().Int64Var(&p.events, "events", 0, "webhooks in all (instead of --duration)")
	cmd.Flags().DurationVar(&p.duration, "duration", 15*time.Second, "how long each side is measured, all rounds together")
	tracesFlag(&p, cmd)
	return cmd
}

func measureIntake(ctx context.Context, t *cli.Terminal, p *plan) (_ *Measurement, err error) {
	loop, err := openBareLoop(ctx, t, p)
	if err != nil {
		return nil, err
	}
	defer loop.close(&err)
	var both sides
	server, traced, err := startSides(ctx, t, p)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	defer traced.close(ctx, p.traces, &both.traced.done, &err)
	bareAddress, stopBare, err := startBareIntake()
	if err != nil {
		return nil, err
	}
	defer stopBare()

	counter := &atomic.Int64{}
	run := load.Run{Connections: p.connections, Duration: p.duration / time.Duration(p.rounds), Counter: counter}
	if p.events > 0 {
		run.Requests, run.Duration = max(1, p.events/int64(p.rounds)), 0
	}
	oursRequest := benchRequest(address(server.intake), "/webhooks/bench")
	bareRequest := benchRequest(bareAddress, "/")
	warming := []load.Request{bareRequest, oursRequest}
	var tracedTurn func(*tally) error
	if traced != nil {
		request := benchRequest(address(traced.intake), "/webhooks/bench")
		warming = append(warming, request)
		tracedTurn = func(y *tally) error { return y.add(ctx, run, request) }
	}

	t.Progress("warming up")
	warm := load.Run{Connections: p.connections, Requests: p.events, Duration: time.Second, Counter: counter}
	for _, request := range warming {
		if err := (&tally{}).add(ctx, warm, request); err != nil {
			return nil, err
		}
	}
	var bare, published tally
	for round := 1; round <= p.rounds; round++ {
		if err := errors.Join(bare.add(ctx, run, bareRequest), loop.round(ctx, &published, p.beside(bareEvents))); err != nil {
			return nil, err
		}
		err := both.round(round, func(y *tally) error {
			return profiled(p.last(round), func() error { return y.add(ctx, run, oursRequest) })
		}, tracedTurn)
		if err != nil {
			return nil, err
		}
		t.Progress("round %d of %d: %.0f/s, baseline %.0f/s", round, p.rounds, both.plain.rate(), bare.rate())
	}
	m := measured("intake", p, &both.plain, &bare, &published)
	m.Traced = both.tracing(p.traces)
	return m, nil
}

// add runs one round of a side.
func (y *tally) add(ctx context.Context, run load.Run, request load.Request) error {
	before := mallocs()
	result, err := load.Do(ctx, run, request)
	if err != nil {
		return err
	}
	if result.Refused > 0 {
		return fmt.Errorf("%d requests were not taken, status %d", result.Refused, result.LastCode)
	}
	if result.Done == 0 {
		return errors.New("no request was answered")
	}
	y.mallocs += mallocs() - before
	y.done += result.Done
	y.elapsed += result.Elapsed
	y.latency.Merge(&result.Latency)
	return nil
}

// startBareIntake serves the baseline: read, check, answer.
func startBareIntake() (address string, stop func(), err error) {
	want := []byte(benchSecret)
	return serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mac := hmac.New(sha256.New, want)
		mac.Write(body)
		given, err := hex.DecodeString(strings.TrimPrefix(r.Header.Get("X-Sticker-Signature"), "sha256="))
		if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
}

// serve answers on loopback until stop is called.
func serve(h http.Handler) (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: answerTimeout, Handler: h}
	go func() { _ = server.Serve(l) }() // ends with the Close below
	return l.Addr().String(), func() { _ = server.Close() }, nil
}

// answerTimeout bounds every wait of the bare programs.
const answerTimeout = 30 * time.Second
