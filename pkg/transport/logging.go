package transport

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/pion/logging"
)

// pionLoggerFactory makes pion log into ours. Everything pion says is Debug: its errors are about one client's packets and name
// addresses; what an operator must know is logged by this package.
type pionLoggerFactory struct {
	log *slog.Logger
	// unreadable counts packets of which pion tells in its log alone.
	unreadable *atomic.Uint64
}

func (f pionLoggerFactory) NewLogger(scope string) logging.LeveledLogger {
	l := pionLogger{log: f.log, scope: scope}
	switch scope {
	case "srtp":
		return srtpLogger{l, f.unreadable}
	case "mux":
		return muxLogger{l, f.unreadable}
	}
	return l
}

// srtpLogger counts the packets that cannot be decrypted or are replayed: pion logs each at its level info.
type srtpLogger struct {
	pionLogger
	unreadable *atomic.Uint64
}

func (l srtpLogger) Info(msg string) {
	l.unreadable.Add(1)
	l.pionLogger.Info(msg)
}

// muxLogger counts the packets that are neither STUN, DTLS nor RTP, of which pion warns, and those that are too large, which it calls errors.
type muxLogger struct {
	pionLogger
	unreadable *atomic.Uint64
}

func (l muxLogger) Warnf(format string, args ...any) {
	l.unreadable.Add(1)
	l.pionLogger.Warnf(format, args...)
}

func (l muxLogger) Errorf(format string, args ...any) {
	l.unreadable.Add(1)
	l.pionLogger.Errorf(format, args...)
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
