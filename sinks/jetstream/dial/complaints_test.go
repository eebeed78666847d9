package dial

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

// What a connection says of each request alike is one line.
func TestAComplaintIsToldOnceInAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		said := complaints(slog.New(slog.NewTextHandler(&lines, nil)))
		reads, writes := &nats.Conn{Opts: nats.Options{Name: "reads"}}, &nats.Conn{Opts: nats.Options{Name: "writes"}}
		for range 300 {
			said(reads, nil, errors.New("denied"))
			said(writes, nil, errors.New("denied"))
		}
		said(reads, nil, errors.New("slow"))
		if n := strings.Count(lines.String(), "\n"); n != 3 {
			t.Errorf("%d lines: %s", n, lines.String())
		}
		lines.Reset()
		<-time.After(complainsEvery)
		said(reads, nil, errors.New("denied"))
		if text := lines.String(); !strings.Contains(text, "suppressed=299") {
			t.Errorf("%s", text)
		}
		for i := range 10 * differentMost {
			said(reads, nil, errors.New(strings.Repeat("x", i)))
		}
	})
}
