//go:build unix

package adapter

import (
	"log/slog"
	"syscall"
	"testing"

	"github.com/hookspan/hookspan/bridge/config"
)

// It is not parallel: the limit is that of the process.
func TestNATSClientsShareTheFilesThatThereAre(t *testing.T) {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := was
	few.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			t.Error(err)
		}
	}()
	conf, err := config.Load([]string{"HOOKSPAN_DATA_DIR=" + t.TempDir(), "HOOKSPAN_EMBEDDED_LISTEN=127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	o, err := (&embeddedBus{conf: conf, log: slog.New(slog.DiscardHandler)}).options()
	if err != nil || o.Connections != 256/8 {
		t.Errorf("%d connections, %v; want an eighth of 256 files", o.Connections, err)
	}
}
