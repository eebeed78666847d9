package fault

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// An Endpoint is what of an endpoint the tests look at.
type Endpoint struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	URL   string `json:"url"`
	State string `json:"state"`
}

// Impatient are an endpoint's settings for a test: it is tried again soon and for as long as
// a test runs.
func Impatient(url string) map[string]any {
	schedule := []string{"100ms", "200ms", "400ms"}
	for range 30 {
		schedule = append(schedule, "700ms")
	}
	for range 67 { // a schedule has 100 waits at the most
		schedule = append(schedule, "5s")
	}
	return map[string]any{"url": url, "secrets": []string{SigningSecret}, "schedule": schedule, "timeout": "2s"}
}

// ImpatientEnviron configures such an endpoint by the environment.
func ImpatientEnviron(name, url string) []string {
	block, settings := "HOOKSPAN_ENDPOINT_"+strings.ToUpper(name), Impatient(url)
	return []string{
		block + "_URL=" + url, block + "_SECRETS=" + SigningSecret, block + "_TIMEOUT=2s",
		block + "_SCHEDULE=" + strings.Join(settings["schedule"].([]string), ","),
	}
}

// Create registers an endpoint and tries until the answer says that it is there. It returns the
// time from which on it is there for certain.
func (s *Site) Create(ctx context.Context, fields map[string]any) (since time.Time, err error) {
	var status int
	var answer []byte
	wait := Await(ctx, 20*time.Millisecond, func() bool {
		status, answer, err = s.call(ctx, http.MethodPost, "/v1/endpoints", fields)
		return err == nil && status != http.StatusServiceUnavailable
	})
	// A conflict is the answer to an attempt whose own answer was lost.
	if wait != nil || status != http.StatusCreated && status != http.StatusConflict {
		return time.Time{}, fmt.Errorf("create endpoint %v: status %d, %.300s (%v)", fields["name"], status, answer, err)
	}
	return time.Now(), nil
}

// Write is one write of the API, without a second try.
func (s *Site) Write(ctx context.Context, method, path string, fields map[string]any) (status int, e Endpoint, err error) {
	status, answer, err := s.call(ctx, method, path, fields)
	if err == nil && len(answer) > 0 {
		err = json.Unmarshal(answer, &e)
	}
	return status, e, err
}

// Endpoints lists all of them by name.
func (s *Site) Endpoints(ctx context.Context) (map[string]Endpoint, error) {
	all, cursor := map[string]Endpoint{}, ""
	for {
		status, answer, err := s.call(ctx, http.MethodGet, "/v1/endpoints?limit=100&cursor="+url.QueryEscape(cursor), nil)
		if err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("list the endpoints: status %d, %.300s (%v)", status, answer, err)
		}
		var page struct {
			Items []Endpoint
			Next  string
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, fmt.Errorf("list the endpoints: %w", err)
		}
		for _, e := range page.Items {
			all[e.Name] = e
		}
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

// Deliveries is what the process says of an event's deliveries, in its own words: for people.
func (s *Site) Deliveries(ctx context.Context, event string) string {
	status, answer, err := s.call(ctx, http.MethodGet, "/v1/deliveries?event="+url.QueryEscape(event), nil)
	return fmt.Sprintf("%d %v %.1000s", status, err, answer)
}

// Metric sums up every series of a metric.
func (s *Site) Metric(ctx context.Context, name string) (sum float64, err error) {
	status, answer, err := s.call(ctx, http.MethodGet, "/metrics", nil)
	if err != nil || status != http.StatusOK {
		return 0, fmt.Errorf("read the metrics: status %d (%v)", status, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(answer))
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if bare, _, _ := strings.Cut(series, "{"); bare != name {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("read metric %s: %w", name, err)
		}
		sum += v
	}
	return sum, lines.Err()
}

// A Replay is what of a replay the tests look at.
type Replay struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Matched int    `json:"matched"`
	Sent    int    `json:"sent"`
	Failed  int    `json:"failed"`
}

// Replay begins one with the fields, or looks one up by its id.
func (s *Site) Replay(ctx context.Context, id string, fields map[string]any) (r Replay, err error) {
	method, path := http.MethodPost, "/v1/replays"
	if id != "" {
		method, path = http.MethodGet, path+"/"+url.PathEscape(id)
	}
	status, answer, err := s.call(ctx, method, path, fields)
	if err != nil || status != http.StatusOK && status != http.StatusAccepted {
		return r, fmt.Errorf("ask for replay %s: status %d, %.300s (%v)", id, status, answer, err)
	}
	return r, json.Unmarshal(answer, &r)
}
