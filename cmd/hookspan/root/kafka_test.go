package root_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// onKafka are the settings of a Kafka cluster of three brokers in this process.
func onKafka(t *testing.T, opts ...kfake.Opt) []string {
	t.Helper()
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(3))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return []string{"HOOKSPAN_BUS=kafka://" + strings.Join(cluster.ListenAddrs(), ",")}
}

func TestReplicasShareKafka(t *testing.T) {
	t.Parallel()
	replicasShare(t, onKafka(t)...)
}

// The rights that the README lists are enough for all that Hookspan does.
func TestRightsOfTheReadmeAreEnoughForKafka(t *testing.T) {
	t.Parallel()
	const user, password = "hookspan", "open sesame"
	var rights []kfake.ACL
	grant := func(on kmsg.ACLResourceType, name string, pattern kmsg.ACLResourcePatternType, operations ...kmsg.ACLOperation) {
		for _, o := range operations {
			rights = append(rights, kfake.ACL{Resource: on, Name: name, Pattern: pattern, Operation: o, Allow: true})
		}
	}
	grant(kmsg.ACLResourceTypeTopic, "hookspan.", kmsg.ACLResourcePatternTypePrefixed,
		kmsg.ACLOperationCreate, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs,
		kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete)
	grant(kmsg.ACLResourceTypeGroup, "hookspan", kmsg.ACLResourcePatternTypePrefixed, kmsg.ACLOperationDescribe, kmsg.ACLOperationRead)
	grant(kmsg.ACLResourceTypeCluster, "kafka-cluster", kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs)

	bus := append(onKafka(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("SCRAM-SHA-512", user, password, rights...)),
		"HOOKSPAN_KAFKA_SASL=scram-sha-512", "HOOKSPAN_KAFKA_USER="+user, "HOOKSPAN_KAFKA_PASSWORD="+password)
	replicasShare(t, bus...)
	if out, errs, code := hookspan(t, bus, "doctor"); code != cli.ExitDone {
		t.Errorf("doctor: code %d:\n%s%s", code, out, errs)
	}
}

// No retry would bring rights that are missing.
func TestUserWithoutRightsEndsTheServer(t *testing.T) {
	t.Parallel()
	environ := append(onKafka(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("PLAIN", "nobody", needle)),
		"HOOKSPAN_KAFKA_SASL=plain", "HOOKSPAN_KAFKA_USER=nobody", "HOOKSPAN_KAFKA_PASSWORD="+needle,
		"HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0")
	for _, command := range []string{"serve", "doctor"} {
		out, errs, code := hookspan(t, environ, command)
		if text := out + errs; code != cli.ExitFailed || !strings.Contains(text, "TOPIC_AUTHORIZATION_FAILED") || strings.Contains(text, needle) {
			t.Errorf("%s: code %d:\n%s", command, code, text)
		}
	}
}
