//go:build fleets && unix

package fault_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// newKafka is a cluster of 1 or 3 real brokers, which need Java.
func newKafka(t *testing.T, n int, proxied bool) *cluster {
	t.Helper()
	script, err := filepath.Abs("../../../.ci/kafka")
	if err != nil {
		t.Fatal(err)
	}
	c, folder := &cluster{T: t}, t.TempDir()
	var ports, told, addresses []string
	for range n {
		address := c.address()
		addresses = append(addresses, address)
		ports = append(ports, address[strings.LastIndexByte(address, ':')+1:])
		told = append(told, c.inFront(address, proxied))
	}
	lay := exec.Command(script, "lay", folder, strconv.Itoa(n))
	lay.Env = append(os.Environ(), "KAFKA_PORTS="+strings.Join(ports, " "), "KAFKA_ADVERTISED="+strings.Join(told, " "))
	if out, err := lay.CombinedOutput(); err != nil {
		t.Fatalf("lay out a Kafka cluster: %v\n%s", err, out)
	}
	for i, address := range addresses {
		node := strconv.Itoa(i + 1)
		c.add(&fault.Server{
			Name: "kafka-" + node, Address: address, Log: filepath.Join(folder, node, "log"),
			Command: func() *exec.Cmd { return exec.Command(script, "run", folder, node) },
		})
	}
	c.url = "kafka://" + strings.Join(told, ",")
	c.moveLeaders = func(ctx context.Context) error { return administer(ctx, told, moveLeaders) }
	c.deleteEvents = func(ctx context.Context) error { return administer(ctx, told, deleteTopics) }
	return c
}

// administer does something to the topics that hold events.
func administer(ctx context.Context, brokers []string, do func(context.Context, *kadm.Client, kadm.TopicDetails) error) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return fmt.Errorf("connect to Kafka: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list the topics: %w", err)
	}
	maps.DeleteFunc(topics, func(name string, _ kadm.TopicDetail) bool { return !strings.HasPrefix(name, "hookspan.events.") })
	if len(topics) == 0 {
		return errors.New("there is no topic with events")
	}
	return do(ctx, admin, topics)
}

// moveLeaders puts the second replica of each partition first and has it elected.
func moveLeaders(ctx context.Context, admin *kadm.Client, topics kadm.TopicDetails) error {
	var order kadm.AlterPartitionAssignmentsReq
	topics.EachPartition(func(p kadm.PartitionDetail) {
		order.Assign(p.Topic, p.Partition, append(slices.Clone(p.Replicas[1:]), p.Replicas[0]))
	})
	answers, err := admin.AlterPartitionAssignments(ctx, order)
	if err = errors.Join(err, answers.Error()); err != nil {
		return fmt.Errorf("order the replicas: %w", err)
	}
	if _, err := admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, topics.TopicsSet()); err != nil {
		return fmt.Errorf("elect leaders: %w", err)
	}
	return nil
}

func deleteTopics(ctx context.Context, admin *kadm.Client, topics kadm.TopicDetails) error {
	answers, err := admin.DeleteTopics(ctx, topics.Names()...)
	if err = errors.Join(err, answers.Error()); err != nil {
		return fmt.Errorf("delete the topics: %w", err)
	}
	return nil
}
