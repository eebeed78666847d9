package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/client"
)

// A benchAPI is the admin API of a server that is measured.
type benchAPI struct{ *client.API }

func newBenchAPI(s *benchServer) (*benchAPI, error) {
	u, err := url.Parse(s.admin)
	if err != nil {
		return nil, fmt.Errorf("read the admin URL: %w", err)
	}
	return &benchAPI{&client.API{Server: u, Token: s.token, HTTP: &http.Client{Timeout: answerTimeout}}}, nil
}

// register makes an endpoint with these settings and the secret of the benchmark, and returns its
// path.
func (a *benchAPI) register(ctx context.Context, settings map[string]any) (path string, err error) {
	settings["secrets"] = []string{benchSigningSecret}
	var made struct{ ID string }
	if err := a.Call(ctx, http.MethodPost, client.EndpointsPath, nil, settings, &made); err != nil {
		return "", fmt.Errorf("register an endpoint: %w", err)
	}
	return client.EndpointsPath + "/" + made.ID, nil
}

// settle returns once so many deliveries wait, but for the few that are being attempted, and how
// many of them are left to be read has not changed for a while, or goes on changing.
func (a *benchAPI) settle(ctx context.Context, n int64) error {
	const patience, calm, long, pause = time.Minute, 3 * time.Second, 20 * time.Second, 250 * time.Millisecond
	var most, behind int64 = -1, -1
	changed, there := time.Now(), time.Now()
	for {
		all, left, err := a.pending(ctx)
		switch {
		case err != nil:
			return err
		case all < n-n/50-100:
			there = time.Now()
		case time.Since(changed) > calm, time.Since(there) > long:
			return nil
		}
		if all > most || left != behind {
			most, behind, changed = max(most, all), left, time.Now()
		}
		if time.Since(changed) > patience {
			return fmt.Errorf("%d of %d deliveries wait, and no more for %v", all, n, patience)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// pending is how many deliveries wait, and how many of them are left to be read.
func (a *benchAPI) pending(ctx context.Context) (all, left int64, err error) {
	var stats struct {
		Pending map[string]int64 `json:"pending"`
	}
	err = a.Call(ctx, http.MethodGet, "/v1/stats", nil, nil, &stats)
	for _, n := range stats.Pending {
		all += n
	}
	return all, stats.Pending["behind"], err
}

// attemptMetric is the histogram of how long attempts take.
const attemptMetric = "hookspan_attempt_seconds_bucket"

// attemptSeconds reads p50 and p99 of all attempts, in milliseconds, from the server's metrics.
func (a *benchAPI) attemptSeconds(ctx context.Context) (p50, p99 float64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Server.JoinPath("/metrics").String(), nil)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for metrics: %w", err)
	}
	res, err := a.HTTP.Do(req)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for metrics: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read-only
	buckets, err := readBuckets(res.Body, attemptMetric)
	if err != nil {
		return 0, 0, err
	}
	return 1000 * quantile(buckets, 0.5), 1000 * quantile(buckets, 0.99), nil
}

// A cumulative bucket: how many values were at most so large.
type bucket struct{ upper, count float64 }

// readBuckets adds up a histogram over all its labels (Prometheus text format).
func readBuckets(r io.Reader, name string) ([]bucket, error) {
	counts := map[float64]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		labels, found := strings.CutPrefix(lines.Text(), name+"{")
		if !found {
			continue
		}
		_, after, _ := strings.Cut(labels, `le="`)
		le, rest, _ := strings.Cut(after, `"`)
		upper, err := strconv.ParseFloat(le, 64)
		if err != nil {
			return nil, fmt.Errorf("read metrics: bucket %q: %w", le, err)
		}
		count, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, '}')+1:]), 64)
		if err != nil {
			return nil, fmt.Errorf("read metrics: %w", err)
		}
		counts[upper] += count
	}
	buckets := make([]bucket, 0, len(counts))
	for upper, count := range counts {
		buckets = append(buckets, bucket{upper, count})
	}
	sort.Slice(buckets, func(i, j int) bool { return buckets[i].upper < buckets[j].upper })
	return buckets, lines.Err()
}

// quantile interpolates within the bucket that holds the rank, as Prometheus does.
func quantile(buckets []bucket, q float64) float64 {
	if len(buckets) == 0 {
		return 0
	}
	rank := q * buckets[len(buckets)-1].count
	below, lower := 0.0, 0.0
	for _, b := range buckets {
		if b.count >= rank && b.count > below {
			if math.IsInf(b.upper, 1) {
				return lower
			}
			return lower + (b.upper-lower)*(rank-below)/(b.count-below)
		}
		below, lower = b.count, b.upper
	}
	return lower
}
