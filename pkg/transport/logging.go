package transport

import (
	"context"
	"fmt"
	"io"
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

// muxLogger counts the packets that pion throws away before it decrypts them. It says so in the same levels as other things, so what it
// says is known by its words; a test compares them with pion's source.
type muxLogger struct {
	pionLogger
	unreadable *atomic.Uint64
}

// What pion's mux says of a packet, as format strings.
const (
	muxEmpty     = "Warning: mux: unable to dispatch zero length packet"
	muxNobodys   = "Warning: mux: no endpoint for packet starting with %d, not adding to queue size(%d)"
	muxQueued    = "Warning: mux: no endpoint for packet starting with %d, adding to queue size(%d)"
	muxUnqueued  = "Warning: mux: error writing packet to endpoint from pending queue: %s"
	muxFull      = "mux: endpoint buffer is full, dropping packet"
	muxReadError = "mux: failed to read from packetio.Buffer %s"
)

// muxDrops reports whether pion threw a packet away when it said this.
func muxDrops(format string, args []any) bool {
	switch format {
	case muxEmpty, muxNobodys, muxUnqueued, muxFull:
		return true
	case muxQueued: // for an endpoint to come, which there will be for DTLS and SRTP only (RFC 7983)
		first, ok := args[0].(byte)
		return ok && !(first >= 20 && first <= 63 || first >= 128 && first <= 191)
	case muxReadError: // or a deadline passed
		return args[0] == io.ErrShortBuffer.Error()
	}
	return false
}

func (l muxLogger) count(format string, args []any) {
	if muxDrops(format, args) {
		l.unreadable.Add(1)
	}
}

func (l muxLogger) Infof(format string, args ...any) {
	l.count(format, args)
	l.pionLogger.Infof(format, args...)
}

func (l muxLogger) Warnf(format string, args ...any) {
	l.count(format, args)
	l.pionLogger.Warnf(format, args...)
}

func (l muxLogger) Errorf(format string, args ...any) {
	l.count(format, args)
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
