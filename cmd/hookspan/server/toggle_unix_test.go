//go:build unix

package server

import (
	"encoding/json"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// said receives each write of a log.
type said chan string

func (s said) Write(p []byte) (int, error) { s <- string(p); return len(p), nil }

func TestASignalTurnsDebugOnAndOff(t *testing.T) {
	lines := make(said, 1)
	l := openLog(&cli.Terminal{Err: lines}, "json", slog.LevelInfo)
	defer l.close()
	for _, want := range [][2]string{{"info", "debug"}, {"debug", "info"}, {"info", "debug"}} {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		select {
		case text := <-lines:
			var line struct{ Msg, Old, New, By string }
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if line.Msg != "log level changed" || line.By != "SIGUSR1" || [2]string{line.Old, line.New} != want {
				t.Errorf("the log says %s, want %v", text, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the log says nothing")
		}
	}
}
