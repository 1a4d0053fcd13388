package transport

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLoggerFactory makes pion log into ours. Everything pion says is Debug: its errors are about one client's packets and name
// addresses; what an operator must know is logged by this package.
type pionLoggerFactory struct{ log *slog.Logger }

func (f pionLoggerFactory) NewLogger(scope string) logging.LeveledLogger {
	return pionLogger{log: f.log, scope: scope}
}

type pionLogger struct {
	log   *slog.Logger
	scope string
}

func (l pionLogger) write(level, msg string) {
	l.log.Debug(msg, "pion", l.scope, "severity", level)
}

func (l pionLogger) writef(level, format string, args []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.write(level, fmt.Sprintf(format, args...))
	}
}

// pion's trace and debug levels speak of single packets.
func (l pionLogger) Trace(string)          {}
func (l pionLogger) Tracef(string, ...any) {}
func (l pionLogger) Debug(string)          {}
func (l pionLogger) Debugf(string, ...any) {}

func (l pionLogger) Info(msg string)                   { l.write("info", msg) }
func (l pionLogger) Infof(format string, args ...any)  { l.writef("info", format, args) }
func (l pionLogger) Warn(msg string)                   { l.write("warn", msg) }
func (l pionLogger) Warnf(format string, args ...any)  { l.writef("warn", format, args) }
func (l pionLogger) Error(msg string)                  { l.write("error", msg) }
func (l pionLogger) Errorf(format string, args ...any) { l.writef("error", format, args) }
