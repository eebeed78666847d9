package root_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// pause is a moment between two looks; false once the test is over.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(20 * time.Millisecond):
		return true
	}
}

// An installation keeps the number of shards that it began with, everywhere.
func TestTheRecordedNumberOfShardsCounts(t *testing.T) {
	t.Parallel()
	const shards, endpoints = 40, 40
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	environ := []string{"HOOKSPAN_DATA_DIR=" + filepath.Join(t.TempDir(), "data")}
	onBus(t, environ, func(ctx context.Context, st bus.Store) {
		registry := endpoint.NewRegistry(st, nil, endpoint.Options{Log: slog.New(slog.DiscardHandler)})
		if n, err := registry.Shards(ctx, shards); err != nil || n != shards {
			t.Fatal(n, err)
		}
	})
	serving := environ
	var names []string
	for i := range endpoints {
		name := fmt.Sprintf("e%d", i)
		names = append(names, name)
		block := "HOOKSPAN_ENDPOINT_" + strings.ToUpper(name)
		serving = append(serving, block+"_URL="+receiver.URL, block+"_SIGNATURE=none")
	}
	serving = append(serving, "HOOKSPAN_ENDPOINTS="+strings.Join(names, ","))

	all := func(r *replica) bool {
		_, list := r.get("/v1/deliveries?event=first&limit=100")
		return strings.Count(list, `"status":"delivered"`) == endpoints
	}
	r := launch(t, serving...)
	r.shows("/readyz", http.StatusOK, "ready")
	r.shows("/metrics", http.StatusOK, fmt.Sprintf("hookspan_shards_owned %d", shards))
	r.takes("first")
	within, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !all(r) {
		if !pause(within) {
			t.Fatal("not all endpoints got the event")
		}
	}
	r.stop()
	r = launch(t, serving...)
	r.shows("/readyz", http.StatusOK, "ready")
	if !all(r) { // which the journal of every shard tells
		_, list := r.get("/v1/deliveries?event=first&limit=100")
		t.Errorf("after a restart %d of %d deliveries are known", strings.Count(list, `"status":"delivered"`), endpoints)
	}
	r.stop()
	onBus(t, environ, damage(t, 37))
	out, _, code := hookspan(t, environ, "doctor")
	if code != cli.ExitFailed || !strings.Contains(out, "39 of 40 shards") || !strings.Contains(out, "reset-shard 37") {
		t.Errorf("doctor: code %d:\n%s", code, out)
	}
	for shard, want := range map[string]int{"37": cli.ExitDone, "40": cli.ExitUsage} {
		if out, errs, code := hookspan(t, environ, "doctor", "reset-shard", shard, "--since", "2026-05-04T00:00:00Z"); code != want {
			t.Errorf("reset-shard %s: code %d:\n%s%s", shard, code, out, errs)
		}
	}
}
