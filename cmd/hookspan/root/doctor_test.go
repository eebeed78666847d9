package root_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/cmd/hookspan/adapter"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// used is a data folder that a server has run in; between is what befalls the bus afterwards.
func used(t *testing.T, between func(ctx context.Context, st bus.Store)) (environ []string) {
	t.Helper()
	environ = []string{
		"HOOKSPAN_DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0",
		"HOOKSPAN_LOG_LEVEL=error",
	}
	_, _, stop, err := server.Start(t.Context(), environ)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if between != nil {
		onBus(t, environ, between)
	}
	return environ
}

// onBus opens a bus as a server would, for what befalls it.
func onBus(t *testing.T, environ []string, do func(ctx context.Context, st bus.Store)) {
	t.Helper()
	c, err := config.Load(environ)
	if err != nil {
		t.Fatal(err)
	}
	b := adapter.New(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	o, err := b.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	do(t.Context(), o.Bus)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// damage cuts off the front of a shard's state log.
func damage(t *testing.T, shard int) func(context.Context, bus.Store) {
	return func(ctx context.Context, st bus.Store) {
		name := bus.LogName{Kind: bus.State, Shard: shard}
		chain := bus.NewChain(st, name)
		if err := chain.Read(ctx, func(bus.Record) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if err := st.Trim(ctx, name, chain.Last()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDoctorOfAHealthyFolder(t *testing.T) {
	t.Parallel()
	out, errs, code := hookspan(t, used(t, nil), "doctor")
	if code != cli.ExitDone {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	for _, want := range []string{"ok       data folder: ", " disk sync: ", "ok       embedded server: up", "ok       clock: ", "ok       stored times: ", "ok       registry: 0 endpoints", "ok       state logs: 32 of 32 shards"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestDoctorOfWhatCannotBeOpened(t *testing.T) {
	t.Parallel()
	running := used(t, nil)
	_, _, stop, err := server.Start(t.Context(), running)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for name, c := range map[string]struct {
		environ []string
		code    int
		want    string
	}{
		"no folder":           {[]string{"HOOKSPAN_DATA_DIR=" + filepath.Join(t.TempDir(), "nothing")}, cli.ExitDone, "does not exist yet; serve makes it. Remedy: set HOOKSPAN_DATA_DIR"},
		"a running server":    {running, cli.ExitDone, "ok       running server: ready, at http://"},
		"wrong configuration": {[]string{"HOOKSPAN_BUS=redis://h1"}, cli.ExitUsage, "HOOKSPAN_BUS: want embedded"},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, code := hookspan(t, c.environ, "doctor", "--timeout", "1m")
			if code != c.code || !strings.Contains(out+errs, c.want) {
				t.Errorf("code %d, want %d; want %q in:\n%s%s", code, c.code, c.want, out, errs)
			}
		})
	}
}

func TestDoctorResetsADamagedShard(t *testing.T) {
	t.Parallel()
	environ := used(t, damage(t, 5))
	out, _, code := hookspan(t, environ, "doctor", "--json")
	var named bool
	for line := range strings.Lines(out) {
		var f server.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		named = named || f.Subject == "shard 5" && f.Verdict == bus.Fault && strings.Contains(f.Remedy, "reset-shard 5")
	}
	if code != cli.ExitFailed || !named {
		t.Fatalf("code %d, shard 5 is not named:\n%s", code, out)
	}

	since := []string{"--since", "2026-05-04T00:00:00Z"}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"32"}, cli.ExitUsage, "want the number of a shard, 0 to 31"},
		{[]string{"6"}, cli.ExitFailed, "shard 6 is not damaged; with --yes"},
		{[]string{"5"}, cli.ExitDone, "Shard 5 begins at 2026-05-04T00:00:00Z."},
		{[]string{"5"}, cli.ExitFailed, "shard 5 is not damaged"},
		{[]string{"5", "--yes"}, cli.ExitDone, "Shard 5 begins at"},
	} {
		out, errs, code := hookspan(t, environ, append(append([]string{"doctor", "reset-shard"}, c.args...), since...)...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("reset-shard %v: code %d, want %d; want %q in:\n%s%s", c.args, code, c.code, c.want, out, errs)
		}
	}
	if out, errs, code := hookspan(t, environ, "doctor"); code != cli.ExitDone {
		t.Errorf("after the reset: code %d:\n%s%s", code, out, errs)
	}
	if _, errs, code := hookspan(t, environ, "doctor", "reset-shard", "5", "--since", "yesterday"); code != cli.ExitUsage {
		t.Errorf("code %d for a time that is none: %s", code, errs)
	}
}

// On a cluster the replicas run on while a shard is begun again, and then take it.
func TestDoctorResetsAShardUnderARunningReplica(t *testing.T) {
	t.Parallel()
	environ := onNATS(natstest.Start(t, 1, natstest.Config{}))
	first := launch(t, environ...)
	first.shows("/metrics", http.StatusOK, "hookspan_shards_owned 32")
	first.stop()
	onBus(t, environ, damage(t, 5))
	second := launch(t, environ...)
	second.shows("/metrics", http.StatusOK, "hookspan_shards_owned 31")
	if out, errs, code := hookspan(t, environ, "doctor"); code != cli.ExitFailed || !strings.Contains(out, "fault    shard 5: ") {
		t.Errorf("doctor: code %d:\n%s%s", code, out, errs)
	}
	if out, errs, code := hookspan(t, environ, "doctor", "reset-shard", "5", "--since", "2026-05-04T00:00:00Z"); code != cli.ExitDone {
		t.Errorf("reset-shard: code %d:\n%s%s", code, out, errs)
	}
	second.shows("/metrics", http.StatusOK, "hookspan_shards_owned 32")
	second.stop()
}
