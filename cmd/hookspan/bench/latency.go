package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/load"
)

// A latency is what the benchmark of that name prints.
type latency struct {
	Name    string  `json:"name"`
	Bus     string  `json:"bus"`
	Sync    string  `json:"sync"`
	Rate    float64 `json:"rate"` // webhooks a second
	Events  int64   `json:"events"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	BareP50 float64 `json:"bare_p50_ms"` // of an append and a sync
	BareP99 float64 `json:"bare_p99_ms"`
	Ratio   float64 `json:"ratio"` // of both p99
}

func (l *latency) write(w io.Writer) {
	fmt.Fprintf(w, "%s on %s, sync %s, %.0f webhooks/s, %d events\n", l.Name, l.Bus, l.Sync, l.Rate, l.Events)
	fmt.Fprintf(w, "  from webhook to endpoint  p50 %.2f ms  p99 %.2f ms\n", l.P50, l.P99)
	fmt.Fprintf(w, "  append and sync of 1 KB   p50 %.2f ms  p99 %.2f ms\n  ratio of p99              %.2f\n", l.BareP50, l.BareP99, l.Ratio)
}

func latencyCommand(t *cli.Terminal) *cobra.Command {
	var p plan
	cmd := &cobra.Command{
		Use:   "latency",
		Short: "Measure how long a webhook takes to its endpoint",
		Long: "Measure the time from a signed webhook of 1 KB to its arrival at an endpoint, at a steady rate.\n" +
			"The baseline appends 1 KB to a file on the same disk and syncs it, at the same rate, in turns.",
		Example: "  hookspan bench latency\n  hookspan bench latency --rate 500 --sync lazy --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			if err := p.checkRate(); err != nil {
				return err
			}
			l, err := measureLatency(cmd.Context(), t, &p)
			if err != nil {
				return err
			}
			return t.Document(l, l.write)
		}),
	}
	benchFlags(t, &p, cmd, 16, 3)
	cmd.Flags().Int64Var(&p.events, "events", 3000, "webhooks in all")
	rateFlag(&p, cmd)
	return cmd
}

func measureLatency(ctx context.Context, t *cli.Terminal, p *plan) (*latency, error) {
	c := newCourse(p.events, 1)
	endpoint, stop, err := serve(c)
	if err != nil {
		return nil, err
	}
	defer stop()
	server, err := startServer(ctx, t, p, "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8")
	if err != nil {
		return nil, err
	}
	defer server.stop()
	api, err := newBenchAPI(server)
	if err != nil {
		return nil, err
	}
	if _, err := api.register(ctx, map[string]any{"name": "latency", "url": "http://" + endpoint + "/0"}); err != nil {
		return nil, err
	}
	target := server.intake + "/webhooks/bench"
	if err := c.run(ctx, target, p.connections, p.rate, 0, min(c.total()/10+1, c.total())); err != nil { // first contact
		return nil, fmt.Errorf("warm up: %w", err)
	}
	c.forget()
	var bare load.Histogram
	for round := 1; round <= p.rounds; round++ {
		from, to := c.total()*(round-1)/p.rounds, c.total()*round/p.rounds
		if err := errors.Join(appendAndSync(ctx, &bare, p.rate, to-from), profiled(p.last(round), func() error {
			return c.run(ctx, target, p.connections, p.rate, from, to)
		})); err != nil {
			return nil, err
		}
		t.Progress("round %d of %d: p99 %.2f ms, baseline %.2f ms", round, p.rounds, milliseconds(c.latency.Quantile(.99)), milliseconds(bare.Quantile(.99)))
	}
	l := &latency{
		Name: "latency", Bus: p.kind(), Sync: p.durable(), Rate: p.rate, Events: c.latency.Count(),
		P50: milliseconds(c.latency.Quantile(.5)), P99: milliseconds(c.latency.Quantile(.99)),
		BareP50: milliseconds(bare.Quantile(.5)), BareP99: milliseconds(bare.Quantile(.99)),
	}
	if l.BareP99 > 0 {
		l.Ratio = l.P99 / l.BareP99
	}
	return l, nil
}

// appendAndSync makes n times 1 KB durable with nothing in between.
func appendAndSync(ctx context.Context, h *load.Histogram, rate float64, n int) (err error) {
	f, err := os.CreateTemp("", "hookspan-bench-")
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	body := benchBody()
	return paced(ctx, rate, n, func(int) error {
		began := time.Now()
		_, err := f.Write(body)
		if err == nil {
			err = f.Sync()
		}
		h.Record(time.Since(began))
		return err
	})
}

// paced calls do at a steady rate; what is late is made up for.
func paced(ctx context.Context, rate float64, n int, do func(i int) error) error {
	pause := time.Duration(float64(time.Second) / rate)
	began := time.Now()
	for i := range n {
		select {
		case <-time.After(time.Until(began.Add(time.Duration(i) * pause))):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}

// A course is the webhooks of the benchmark on their way. It is their endpoints, too: the path
// is an endpoint's number.
type course struct {
	endpoints int

	mu      sync.Mutex
	sent    []time.Time   // by number
	awaited []uint32      // by number: a bit for each endpoint where it has not arrived
	missing int           // on their way
	arrived chan struct{} // ServeHTTP sends when none is missing, run receives
	serial  int           // of the run: ids do not come again
	latency load.Histogram
}

// newCourse has room for n webhooks on their way to at most 32 endpoints.
func newCourse(n int64, endpoints int) *course {
	return &course{endpoints: endpoints, sent: make([]time.Time, n), awaited: make([]uint32, n), arrived: make(chan struct{}, 1)}
}

func (c *course) total() int { return len(c.sent) }

func (c *course) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latency, c.serial = load.Histogram{}, c.serial+1
}

// run sends the webhooks of these numbers and waits until the last has arrived.
func (c *course) run(ctx context.Context, target string, senders int, rate float64, from, to int) error {
	c.mu.Lock()
	c.missing = (to - from) * c.endpoints
	c.mu.Unlock()
	sender := &http.Client{Timeout: answerTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer sender.CloseIdleConnections()
	var sending sync.WaitGroup
	var failed error
	places := make(chan struct{}, senders) // those that send hold one
	err := paced(ctx, rate, to-from, func(i int) error {
		c.mu.Lock()
		c.sent[from+i], c.awaited[from+i] = time.Now(), 1<<c.endpoints-1
		err := failed
		c.mu.Unlock()
		places <- struct{}{}
		sending.Go(func() {
			defer func() { <-places }()
			if err := c.send(ctx, sender, target, from+i); err != nil {
				c.mu.Lock()
				failed = err
				c.mu.Unlock()
			}
		})
		return err
	})
	sending.Wait()
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	select {
	case <-c.arrived:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(answerTimeout):
		return errors.New("some webhooks have not arrived at the endpoint")
	}
}

func (c *course) send(ctx context.Context, sender *http.Client, target string, number int) error {
	id := fmt.Sprintf("%04x%012x", c.serial, number)
	body := bytes.Replace(benchBody(), []byte(load.ID), []byte(id), 1)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	signature := make([]byte, hex.EncodedLen(sha256.Size))
	benchSigner()(signature, body)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-Sticker-Event": "order.shipped", "X-Sticker-Timestamp": fmt.Sprint(time.Now().Unix()),
		"X-Sticker-Delivery-ID": id, "X-Sticker-Signature": "sha256=" + string(signature),
	} {
		req.Header.Set(name, value)
	}
	res, err := sender.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	if e := res.Body.Close(); err == nil {
		err = e
	}
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("a webhook was not taken, status %d", res.StatusCode)
	}
	return err
}

// ServeHTTP is an endpoint: it knows a webhook by the order in its body.
func (c *course) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(q.Body)
	_, rest, found := bytes.Cut(body, []byte(`"order_id":"`))
	if err != nil || !found || len(rest) < load.IDLength {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	number, err := strconv.ParseUint(string(rest[4:load.IDLength]), 16, 48)
	endpoint, e := strconv.Atoi(strings.TrimPrefix(q.URL.Path, "/"))
	if err != nil || number >= uint64(len(c.sent)) || e != nil || endpoint < 0 || endpoint >= c.endpoints {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if bit := uint32(1) << endpoint; c.awaited[number]&bit != 0 {
		c.latency.Record(now.Sub(c.sent[number]))
		c.awaited[number] &^= bit
		if c.missing--; c.missing == 0 {
			c.arrived <- struct{}{}
		}
	}
}
