//go:build benches

package root_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// What traces cost is measured beside a server without them. The variables of the process are
// those of the SDK, so this runs with nothing else.
func TestBenchOfTraces(t *testing.T) {
	environ := []string{programVariable + "=1"}
	for _, name := range []string{"intake", "delivery"} {
		m := runBench(t, environ, name, "--events", "100", "--sync", "lazy", "--traces", "1")
		if m.Events != 100 || m.Traced == nil || m.Traced.Share != 1 || m.Traced.Ratio <= 0 || m.Traced.Throughput <= 0 || m.Traced.AllocsPerEvent <= m.AllocsPerEvent {
			t.Errorf("%+v, %+v", m, m.Traced)
		}
	}
}

// The servers that are measured are processes of their own.
func TestBenchMemory(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"dead":   {"--events", "50", "--pending", "40", "--endpoints", "2"},
		"paused": {"--events", "0", "--pending", "20", "--paused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"bench", "memory", "--json", "--sync", "lazy", "--connections", "4"}, args...)
			out, errs, code := hookspan(t, []string{programVariable + "=1", "HOOKSPAN_SOURCES=none-of-ours"}, args...)
			var m struct {
				Name      string  `json:"name"`
				Events    int64   `json:"events"`
				Pending   int64   `json:"pending"`
				Idle      float64 `json:"idle_rss_mb"`
				RSS       float64 `json:"rss_mb"`
				Filling   float64 `json:"filling_rss_mb"`
				Ready     float64 `json:"ready_s"`
				Restarted float64 `json:"restarted_rss_mb"`
			}
			if err := json.Unmarshal([]byte(out), &m); err != nil || code != cli.ExitDone {
				t.Fatalf("code %d: %v\n%s%s", code, err, out, errs)
			}
			if m.Name != "memory" || m.Idle < 1 || (m.Events > 0) != (m.RSS > 1) || m.Pending < 20 || m.Filling < 1 || m.Ready <= 0 || m.Restarted < 1 {
				t.Errorf("not everything was measured: %+v", m)
			}
		})
	}
}

// Every event that was put there is in the backup, and comes back.
func TestBenchBackup(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			environ := append(emptyBus(t, kind), programVariable+"=1")
			out, errs, code := hookspan(t, environ, "bench", "backup", "--json", "--events", "300", "--sync", "lazy", "--connections", "4")
			var m struct {
				Name, Bus  string
				Events     int64
				File       float64 `json:"file_mb"`
				Backup     float64 `json:"backup_s"`
				BackupRSS  float64 `json:"backup_rss_mb"`
				Restore    float64 `json:"restore_s"`
				RestoreRSS float64 `json:"restore_rss_mb"`
				Ready      float64 `json:"ready_s"`
			}
			if err := json.Unmarshal([]byte(out), &m); err != nil || code != cli.ExitDone {
				t.Fatalf("code %d: %v\n%s%s", code, err, out, errs)
			}
			if m.Name != "backup" || m.Bus != kind || m.Events != 300 || m.File <= 0 || m.Backup <= 0 || m.BackupRSS < 1 || m.Restore <= 0 || m.RestoreRSS < 1 || m.Ready <= 0 {
				t.Errorf("not everything was measured: %+v", m)
			}
		})
	}
}

func TestBenchNeighbours(t *testing.T) {
	t.Parallel()
	out, errs, code := hookspan(t, []string{programVariable + "=1"}, "bench", "neighbours", "--json", "--rounds", "2", "--events", "20", "--rate", "200")
	var n struct {
		Name         string
		Healthy, Bad int
		Events       int64
		P99          float64 `json:"p99_ms"`
		Alone        float64 `json:"alone_p99_ms"`
		Ratio        float64
	}
	if err := json.Unmarshal([]byte(out), &n); err != nil || code != cli.ExitDone {
		t.Fatalf("code %d: %v\n%s%s", code, err, out, errs)
	}
	if n.Name != "neighbours" || n.Healthy != 10 || n.Bad != 20 || n.Events != 200 || n.P99 <= 0 || n.Alone <= 0 || n.Ratio <= 0 {
		t.Errorf("%+v", n)
	}
}

func TestBenchReplay(t *testing.T) {
	t.Parallel()
	out, errs, code := hookspan(t, []string{programVariable + "=1"}, "bench", "replay", "--json", "--rounds", "2", "--events", "500", "--webhooks", "20", "--rate", "200", "--limit", "100/s")
	var r struct {
		Name            string
		Events, History int64
		Throughput      float64
		P99             float64 `json:"p99_ms"`
		Alone           float64 `json:"alone_p99_ms"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != cli.ExitDone {
		t.Fatalf("code %d: %v\n%s%s", code, err, out, errs)
	}
	if r.Name != "replay" || r.Events != 20 || r.History != 500 || r.Throughput < 0 || r.P99 <= 0 || r.Alone <= 0 {
		t.Errorf("%+v", r)
	}
}

// On a bus that others use, a benchmark has a namespace of its own and leaves nothing behind.
func TestBenchOnNATSLeavesNothing(t *testing.T) {
	t.Parallel()
	servers := natstest.Start(t, 1, natstest.Config{})
	user, password := servers.Account()
	environ := []string{"HOOKSPAN_BUS=" + servers.URL(), "HOOKSPAN_NATS_USER=" + user, "HOOKSPAN_NATS_PASSWORD=" + password}
	for _, name := range []string{"publish", "intake"} {
		m := runBench(t, environ, name, "--events", "200")
		if m.Name != name || m.Bus != "nats" || m.Sync != "cluster" || m.Events != 200 || m.BarePublish <= 0 {
			t.Errorf("%+v", m)
		}
	}
	nc := servers.Connect(t, nats.UserInfo(user, password))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	names := js.StreamNames(t.Context())
	for stream := range names.Name() {
		t.Errorf("stream %s was left behind", stream)
	}
	if err := names.Err(); err != nil {
		t.Error(err)
	}
}

func TestBenchOnKafkaLeavesNothing(t *testing.T) {
	t.Parallel()
	brokers, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer brokers.Close()
	environ := []string{"HOOKSPAN_BUS=kafka://" + strings.Join(brokers.ListenAddrs(), ",")}
	for _, name := range []string{"publish", "intake"} {
		m := runBench(t, environ, name, "--events", "200")
		if m.Name != name || m.Bus != "kafka" || m.Sync != "cluster" || m.Events != 200 || m.BarePublish <= 0 {
			t.Errorf("%+v", m)
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(t.Context())
	if err != nil || len(topics) > 0 {
		t.Errorf("topics %v were left behind (%v)", topics.Names(), err)
	}
	groups, err := admin.ListGroups(t.Context())
	if err != nil || len(groups) > 0 {
		t.Errorf("groups %v were left behind (%v)", groups.Groups(), err)
	}
}
