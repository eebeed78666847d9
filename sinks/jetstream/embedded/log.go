package embedded

import (
	"fmt"
	"log/slog"
)

// serverLog passes what the server says on to slog. A fatal message is an error there: the
// process never exits because of its bus.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug("embedded bus", says(format, v)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn("embedded bus", says(format, v)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Error("embedded bus", says(format, v)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.log.Error("embedded bus", says(format, v)) }
func (l serverLog) Debugf(string, ...any)           {}
func (l serverLog) Tracef(string, ...any)           {}

func says(format string, v []any) slog.Attr {
	return slog.String("says", fmt.Sprintf(format, v...))
}
