package root_test

import (
	"path/filepath"
	"testing"

	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// emptyBus is one of a kind, as config names it, that holds nothing.
func emptyBus(t *testing.T, kind string) (environ []string) {
	t.Helper()
	switch kind {
	case "nats":
		return onNATS(natstest.Start(t, 1, natstest.Config{}))
	case "kafka":
		return append(onKafka(t), "HOOKSPAN_KAFKA_PARTITIONS=3")
	}
	return []string{"HOOKSPAN_DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "HOOKSPAN_EMBEDDED_MAX_STORE=64MB"}
}
