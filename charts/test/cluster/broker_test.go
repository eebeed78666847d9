//go:build cluster

package cluster

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// node is the address of the node, where the tests run.
const node = "10.99.0.1"

// startNATS starts a server with JetStream on the node.
func startNATS(t *testing.T) (url string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: node, Port: 4222, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not listen")
	}
	return "nats://" + node + ":4222"
}

// startKafka starts a broker on the node. It listens on loopback, so what comes from pods is passed
// on to it.
func startKafka(t *testing.T) (url string) {
	t.Helper()
	const own, told = "127.0.0.1:19092", node + ":9092"
	script, err := filepath.Abs("../../../.ci/kafka")
	if err != nil {
		t.Fatal(err)
	}
	forward(t, told, own)
	dir := filepath.Join(t.TempDir(), "brokers")
	start := exec.Command(script, "start", dir, "1")
	start.Env = append(os.Environ(), "KAFKA_PORTS=19092", "KAFKA_ADVERTISED="+told)
	start.Stderr = os.Stderr
	out, err := start.Output()
	if err != nil {
		t.Fatalf("start Kafka: %v", err)
	}
	t.Cleanup(func() {
		if err := exec.Command(script, "stop", dir).Run(); err != nil {
			t.Error(err)
		}
	})
	return "kafka://" + strings.TrimSpace(string(out))
}

// forward passes connections on until the test ends.
func forward(t *testing.T, from, to string) {
	t.Helper()
	l, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return // closed
			}
			go pass(in, to)
		}
	}()
}

func pass(in net.Conn, to string) {
	defer func() { _ = in.Close() }()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return // nobody is there yet; clients try again
	}
	defer func() { _ = out.Close() }()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(way[0], way[1]) // ends when either end does
			done <- struct{}{}
		}()
	}
	<-done
}
