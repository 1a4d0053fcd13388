package client

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLogs makes pion log into ours, at Debug.
type pionLogs struct{ log *slog.Logger }

func (f pionLogs) NewLogger(scope string) logging.LeveledLogger { return pionLog{f.log, scope} }

type pionLog struct {
	log   *slog.Logger
	scope string
}

func (l pionLog) writef(severity, format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug(fmt.Sprintf(format, args...), "pion", l.scope, "severity", severity)
	}
}

// pion's trace and debug levels speak of single packets.
func (l pionLog) Trace(string)          {}
func (l pionLog) Tracef(string, ...any) {}
func (l pionLog) Debug(string)          {}
func (l pionLog) Debugf(string, ...any) {}

func (l pionLog) Info(msg string)                   { l.writef("info", "%s", msg) }
func (l pionLog) Infof(format string, args ...any)  { l.writef("info", format, args...) }
func (l pionLog) Warn(msg string)                   { l.writef("warn", "%s", msg) }
func (l pionLog) Warnf(format string, args ...any)  { l.writef("warn", format, args...) }
func (l pionLog) Error(msg string)                  { l.writef("error", "%s", msg) }
func (l pionLog) Errorf(format string, args ...any) { l.writef("error", format, args...) }
