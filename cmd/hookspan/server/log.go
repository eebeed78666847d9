package server

import (
	"io"
	"log/slog"
	"os"

	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A processLog is the log of a process that serves: floods of the same line are sampled, and an
// operator may change its level.
type processLog struct {
	*slog.Logger
	level   *logline.Level
	sampler *logline.Sampler
	deaf    func() // stops listening to signals
}

// openLog writes to the terminal: text for people, JSON for machines. The format is one of them,
// or "" for what the terminal is.
func openLog(t *cli.Terminal, format string, level slog.Level) *processLog {
	l := &processLog{level: logline.NewLevel(level)}
	o := &slog.HandlerOptions{Level: l.level}
	var h slog.Handler = slog.NewJSONHandler(t.Err, o)
	if format == "text" || format == "" && onTerminal(t.Err) {
		h = slog.NewTextHandler(t.Err, o)
	}
	l.sampler = logline.Sample(h)
	l.Logger = slog.New(l.sampler)
	l.deaf = onToggle(func(by string) { l.level.Toggle(by, l.Logger) })
	return l
}

// close writes what was held back.
func (l *processLog) close() {
	l.deaf()
	l.sampler.Flush()
}

func onTerminal(w io.Writer) bool {
	f, ok := cli.Raw(w).(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
