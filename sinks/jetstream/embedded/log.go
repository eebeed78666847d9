package embedded

import (
	"fmt"
	"log/slog"
	"strings"
)

// serverLog passes what the server says on to slog. A fatal message is an error there: the
// process never exits because of its bus.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug("embedded bus", says(format, v)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Error("embedded bus", says(format, v)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.log.Error("embedded bus", says(format, v)) }

// Warnf leaves out a warning about the passwords of our own connections: they are made anew at
// each start and never leave the process.
func (l serverLog) Warnf(format string, v ...any) {
	if !strings.HasPrefix(format, "Plaintext passwords detected") {
		l.log.Warn("embedded bus", says(format, v))
	}
}

func (l serverLog) Debugf(string, ...any) {}
func (l serverLog) Tracef(string, ...any) {}

func says(format string, v []any) slog.Attr {
	return slog.String("says", fmt.Sprintf(format, v...))
}
