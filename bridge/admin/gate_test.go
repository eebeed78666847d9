package admin_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// login asks for a route and returns the status.
func login(api http.Handler, route, authorization string) int {
	req := httptest.NewRequest(http.MethodGet, route, nil)
	req.Header.Set("Authorization", authorization)
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, req)
	return rec.Code
}

// Whoever guesses is slowed down, counted and told of; whoever has the token is let in at once
// meanwhile.
func TestFailedLogins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		measures := prometheus.NewRegistry()
		api := admin.New(admin.Options{
			Token: func() string { return token }, Measures: measures, Log: slog.New(slog.NewTextHandler(&log, nil)),
			Sources: func() []receiver.Source { return nil }, Metrics: http.NotFoundHandler(),
		})
		good := func() {
			t.Helper()
			if begin := time.Now(); login(api, "/v1/sources", "Bearer "+token) != 200 || time.Since(begin) != 0 {
				t.Errorf("the token is let in after %v", time.Since(begin))
			}
		}
		begin := time.Now()
		for range 3 {
			login(api, "/v1/sources", "Bearer guess")
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("three mistakes took %v", took)
		}
		for range 10 {
			if got := login(api, "/v1/sources", "Bearer guess"); got != 401 {
				t.Errorf("one guess after the other: %d", got)
			}
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("ten guesses took %v", took)
		}
		good()
		var mu sync.Mutex
		got := map[int]int{}
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				status := login(api, "/v1/sources", "Bearer guess")
				mu.Lock()
				got[status]++
				mu.Unlock()
			})
		}
		synctest.Wait()
		good()
		all.Wait()
		if got[401] != 10 || got[429] != 990 {
			t.Errorf("of 1000 at once: %v", got)
		}
		good()
		if n := counted(t, measures); n != 1013 {
			t.Errorf("%v are counted", n)
		}
		<-time.After(time.Minute)
		synctest.Wait()
		if text := log.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, `"admin login failed" remote=`) ||
			!strings.Contains(text, `"admin logins failed" failures=1012`) || strings.Contains(text, "guess") {
			t.Errorf("the log: %s", text)
		}
		begin = time.Now()
		if login(api, "/v1/sources", ""); time.Since(begin) != 0 {
			t.Errorf("a mistake a minute later took %v", time.Since(begin))
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 5 {
			login(api, "/v1/sources", "")
		}
		cancel()
		begin = time.Now()
		api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/sources", nil))
		if time.Since(begin) != 0 {
			t.Errorf("a client that has gone is waited for %v", time.Since(begin))
		}
	})
}

// counted is the value of a registry's only metric.
func counted(t *testing.T, r *prometheus.Registry) float64 {
	t.Helper()
	families, err := r.Gather()
	for _, f := range families {
		if f.GetName() == "hookspan_admin_logins_failed_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("metrics: %v, %v", families, err)
	return 0
}
