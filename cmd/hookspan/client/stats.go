package client

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// figures are what people are shown of a time.
type figures struct {
	Start        time.Time `json:"start"`
	Delivered    int       `json:"delivered"`
	Failed       int       `json:"failed"`
	Discarded    int       `json:"discarded"`
	Retried      int       `json:"retried"`
	SuccessRate  *float64  `json:"success_rate"`
	FirstTryRate *float64  `json:"first_try_rate"`
	Mean         *float64  `json:"mean_ms"`
	P50          *float64  `json:"p50_ms"`
	P95          *float64  `json:"p95_ms"`
	P99          *float64  `json:"p99_ms"`
}

// StatsCommand shows what became of deliveries.
func StatsCommand(t *cli.Terminal) *cobra.Command {
	var c Connection
	given := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show how well deliveries go: how many succeed, how long endpoints take, what waits",
		Long: "Show how many deliveries succeeded, how many by the first attempt, how long endpoints took to answer, and what waits and why: of all, or of one endpoint, tenant or type of event.\n" +
			"Counted is what ended at or after --since and is still known, which is said.",
		Example: "  hookspan stats\n  hookspan stats --endpoint crm --since 2026-05-04T00:00:00Z --interval 1h\n  hookspan stats --type 'com.sticker.*' --json",
		Args:    cobra.NoArgs,
	}
	c.Flags(cmd)
	for name, meaning := range map[string]string{
		"endpoint": "name or id of the endpoint", "tenant": "whose events", "type": "event type, * for any run of characters",
		"since": "ended at or after this RFC 3339 time", "until": "ended before this RFC 3339 time", "interval": "also by intervals of this length, such as 15m or 24h",
	} {
		given[name] = cmd.Flags().String(name, "", meaning)
	}
	cmd.RunE = t.Action(func(cmd *cobra.Command, _ []string) error {
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		query := url.Values{}
		for name, value := range given {
			if *value != "" {
				query.Set(name, *value)
			}
		}
		answer := json.RawMessage(`{}`)
		if err := client.Call(cmd.Context(), http.MethodGet, "/v1/stats", query, nil, &answer); err != nil {
			return err
		}
		var s statsAnswer
		if err := json.Unmarshal(answer, &s); err != nil {
			return fmt.Errorf("decode the answer: %w", err)
		}
		return t.Document(answer, s.write)
	})
	return cmd
}

type statsAnswer struct {
	Since time.Time `json:"since"`
	figures
	Intervals     []figures      `json:"intervals"`
	Pending       map[string]int `json:"pending"`
	OldestSeconds float64        `json:"oldest_pending_seconds"`
	Oldest        *struct {
		At     time.Time `json:"at"`
		Reason string    `json:"reason"`
	} `json:"oldest_pending"`
}

func (s *statsAnswer) write(w io.Writer) {
	g := cli.NewGrid(w, "SINCE", "DELIVERED", "FAILED", "DISCARDED", "RETRIED", "SUCCESS", "FIRST TRY", "MEAN", "P50", "P95", "P99")
	for i := range s.Intervals {
		s.Intervals[i].row(g, clock(s.Intervals[i].Start))
	}
	total := "all that is known"
	if !s.Since.IsZero() {
		total = clock(s.Since)
	}
	s.row(g, total)
	_ = g.End() // to a terminal; the exit code is about the request
	var waits []string
	for _, reason := range slices.Sorted(maps.Keys(s.Pending)) {
		if n := s.Pending[reason]; n > 0 {
			waits = append(waits, fmt.Sprintf("%d %s", n, cli.Plain(reason)))
		}
	}
	if len(waits) == 0 {
		fmt.Fprintln(w, "\nnothing waits")
		return
	}
	fmt.Fprintf(w, "\nwaits: %s; the oldest for %s", strings.Join(waits, ", "), time.Duration(s.OldestSeconds*float64(time.Second)).Round(time.Second))
	if s.Oldest != nil {
		fmt.Fprintf(w, " (%s)", cli.Plain(s.Oldest.Reason))
	}
	fmt.Fprintln(w)
}

func (f *figures) row(g *cli.Grid, since string) {
	g.Row(since, strconv.Itoa(f.Delivered), strconv.Itoa(f.Failed), strconv.Itoa(f.Discarded), strconv.Itoa(f.Retried),
		share(f.SuccessRate), share(f.FirstTryRate), span(f.Mean), span(f.P50), span(f.P95), span(f.P99))
}

// share is a part of 1 for people; a dash where it is of nothing.
func share(part *float64) string {
	if part == nil {
		return "-"
	}
	return strconv.FormatFloat(*part*100, 'f', 1, 64) + " %"
}
