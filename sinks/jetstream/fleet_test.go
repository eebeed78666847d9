//go:build fleets

package jetstream_test

import (
	"os"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus/bustest"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

func TestContractOnACluster(t *testing.T) {
	t.Parallel()
	keepContract(t, natstest.Start(t, 3, natstest.Config{}))
}

// HOOKSPAN_TEST_CALM says that the machine does nothing else, so that what has to be done in time
// can be asked of a cluster, too.
func TestLeasesOnACluster(t *testing.T) {
	t.Parallel()
	clauses := bustest.LeasesAtLeisure
	if os.Getenv("HOOKSPAN_TEST_CALM") != "" {
		clauses = bustest.Leases
	}
	servers := natstest.Start(t, 3, natstest.Config{})
	clauses(t, func(t *testing.T) bustest.Sharing {
		r := newRoom(t, servers)
		r.replicas = 1 // of all but the bucket, which is what this is about
		if _, err := r.js(t).CreateKeyValue(within(t), natsjs.KeyValueConfig{Bucket: "HOOKSPAN_LEASES", Replicas: 3}); err != nil {
			t.Fatal(err)
		}
		return r.sharing(4 * time.Second)
	})
}
