package bench

import (
	"bufio"
	"context"
	"encoding/json"
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
)

// receiverCommand is the bare receiver of the delivery benchmark, and the bad endpoints of
// neighbours. It is a process of its own, so that its cost counts for neither side.
func receiverCommand(t *cli.Terminal) *cobra.Command {
	return &cobra.Command{
		Use:     "receiver",
		Short:   "Take webhooks, count them and answer 200, or badly, until standard input ends",
		Hidden:  true,
		Example: "  hookspan bench receiver",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(cmd *cobra.Command, _ []string) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return fmt.Errorf("listen: %w", err)
			}
			server := &http.Server{ReadHeaderTimeout: answerTimeout, Handler: newCounting()}
			go func() {
				_, _ = io.Copy(io.Discard, t.In) // ends when the parent does
				_ = server.Close()
			}()
			fmt.Fprintf(t.Out, "http://%s\n", l.Addr())
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve: %w", err)
			}
			return nil
		}),
	}
}

// An arrival is how many webhooks came, and over which time.
type arrival struct {
	Count int64 `json:"count"`
	First int64 `json:"first"` // ns since 1970
	Last  int64 `json:"last"`
}

func (a arrival) elapsed() time.Duration { return time.Duration(a.Last - a.First) }

// mostCounts is enough for rounds of three sides.
const mostCounts = 1024

// newCounting counts per path, so that every round has a count of its own: POST /r1 counts,
// GET /r1 tells.
func newCounting() http.Handler {
	type counts struct{ count, first, last atomic.Int64 }
	rounds := [mostCounts]counts{}
	mux := http.NewServeMux()
	at := func(r *http.Request) *counts {
		var n int
		if _, err := fmt.Sscanf(r.PathValue("round"), "%d", &n); err != nil || n < 0 {
			return &rounds[0]
		}
		return &rounds[n%len(rounds)]
	}
	mux.HandleFunc("POST /{round}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		now, c := time.Now().UnixNano(), at(r)
		c.first.CompareAndSwap(0, now)
		c.last.Store(now)
		c.count.Add(1)
	})
	for how, answer := range bad {
		mux.HandleFunc("POST /"+how, answer)
	}
	mux.HandleFunc("GET /{round}", func(w http.ResponseWriter, r *http.Request) {
		c := at(r)
		_ = json.NewEncoder(w).Encode(arrival{Count: c.count.Load(), First: c.first.Load(), Last: c.last.Load()})
	})
	return mux
}

// How an endpoint can be bad.
const (
	hanging   = "hanging"   // it takes a webhook and does not answer
	failing   = "failing"   // it answers 500
	trickling = "trickling" // its answer comes byte by byte and does not end
)

var bad = map[string]http.HandlerFunc{
	hanging: func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	},
	failing: func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusInternalServerError)
	},
	trickling: func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			_, err := w.Write([]byte("."))
			if err = errors.Join(err, http.NewResponseController(w).Flush()); err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	},
}

// A receiverProcess is the bare receiver as a child of this process.
type receiverProcess struct {
	url  string
	stop func()
}

func startReceiver(ctx context.Context, t *cli.Terminal) (*receiverProcess, error) {
	cmd, err := self(ctx, t, "bench", "receiver")
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	stop := func() {
		_ = in.Close() // the receiver ends with its input
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, fmt.Errorf("wait for the receiver: %w", err)
	}
	return &receiverProcess{url: strings.TrimSpace(line), stop: stop}, nil
}

// await returns once the receiver has counted n webhooks of a round.
func (r *receiverProcess) await(ctx context.Context, round int, n int64) (arrival, error) {
	const patience, pause = time.Minute, 20 * time.Millisecond
	var seen arrival
	for moved := time.Now(); ; {
		next, err := r.arrived(ctx, round)
		switch {
		case err != nil:
			return next, err
		case next.Count >= n:
			return next, nil
		case next.Count > seen.Count:
			seen, moved = next, time.Now()
		case time.Since(moved) > patience:
			return next, fmt.Errorf("%d of %d deliveries arrived, and none for %v", next.Count, n, patience)
		}
		select {
		case <-ctx.Done():
			return next, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

func (r *receiverProcess) arrived(ctx context.Context, round int) (a arrival, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/%d", r.url, round), nil)
	if err != nil {
		return a, fmt.Errorf("ask the receiver: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, fmt.Errorf("ask the receiver: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read-only
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return a, fmt.Errorf("ask the receiver: %w", err)
	}
	return a, nil
}
