package root_test

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/disk"
)

// Nobody takes what a restore wrote before it was cut off for an installation, and everybody says
// what to do.
func TestHalfOfABackupIsNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	environ := []string{"HOOKSPAN_DATA_DIR=" + filepath.Join(dir, "whole"), "HOOKSPAN_SEAL_KEY=" + sealKey, "HOOKSPAN_ADMIN_TOKEN=" + testToken}
	r := launch(t, environ...)
	r.shows("/readyz", http.StatusOK, "ready")
	r.takes("first")
	r.stop()
	file := filepath.Join(dir, "backup")
	commands(t, environ...)(cli.ExitDone, "1 event(s)", "backup", file)

	environ[0] = "HOOKSPAN_DATA_DIR=" + filepath.Join(dir, "half")
	onBus(t, environ, func(ctx context.Context, st bus.Store) { // as far as a restore's first write
		registry := endpoint.NewRegistry(st, nil, endpoint.Options{Log: slog.New(slog.DiscardHandler)})
		if _, err := registry.Starts(ctx, []string{"hookspan.events.>"}); err != nil {
			t.Fatal(err)
		}
	})
	const cutOff = "a restore onto this bus was cut off"
	half := launch(t, environ...)
	select {
	case err := <-half.done:
		if err == nil || !strings.Contains(err.Error(), cutOff) {
			t.Errorf("a server ends with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a server goes on with it")
	}
	run := commands(t, environ...)
	run(cli.ExitFailed, cutOff, "doctor")
	run(cli.ExitFailed, cutOff, "backup", filepath.Join(dir, "second"))
	run(cli.ExitFailed, "of a restore that was cut off; stop all servers of the namespace hookspan, then move the data folder", "restore", file)
	if err := os.RemoveAll(filepath.Join(dir, "half")); err != nil {
		t.Fatal(err)
	}
	run(cli.ExitDone, "It was restored", "restore", file)
	again := launch(t, environ...)
	again.shows("/readyz", http.StatusOK, "ready")
	again.stop()
}

// Whoever has a file restored by another process hears of its end.
func TestAnotherProcessEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, data, file := filepath.Join(dir, "old"), filepath.Join(dir, "new"), filepath.Join(dir, "backup")
	r := launch(t, "HOOKSPAN_DATA_DIR="+old, "HOOKSPAN_SEAL_KEY="+sealKey)
	r.shows("/readyz", http.StatusOK, "ready")
	r.stop()
	commands(t, "HOOKSPAN_DATA_DIR="+old, "HOOKSPAN_SEAL_KEY="+sealKey)(cli.ExitDone, "0 event(s)", "backup", file)

	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := disk.Lock(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Close() })
	l, err := net.Listen("unix", filepath.Join(data, "restore.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	asked := make(chan string, 1) // the goroutine sends, once
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return // closed
		}
		path, _ := bufio.NewReader(conn).ReadString('\n')
		asked <- path
		_ = conn.Close()
	}()
	commands(t, "HOOKSPAN_DATA_DIR="+data, "HOOKSPAN_SEAL_KEY="+sealKey)(cli.ExitFailed, "ended before it answered: once it is back restore again", "restore", file)
	if path := <-asked; path != file+"\n" {
		t.Errorf("it was asked for %q", path)
	}
}
