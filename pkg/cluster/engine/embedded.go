package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	startTimeout = 10 * time.Second
	// embeddedMemory is what a bucket in the process may hold, in bytes: some hundred thousand rooms.
	embeddedMemory = 64 << 20
)

// An embedded server is a NATS server in the process, without a port.
type embedded struct {
	nats *server.Server
}

func startEmbedded(log *slog.Logger) (*embedded, error) {
	directory, err := privateDirectory()
	if err != nil {
		return nil, err
	}
	// JetStream wants a directory to start with, and does not use it for what is kept in memory.
	defer func() { _ = os.RemoveAll(directory) }()
	s, err := server.NewServer(&server.Options{
		ServerName:             "embedded",
		DontListen:             true,
		JetStream:              true,
		StoreDir:               directory,
		JetStreamMaxMemory:     embeddedMemory,
		JetStreamMaxStore:      1, // not 0, which is a share of the disk
		DisableJetStreamBanner: true,
		NoSigs:                 true,
	})
	if err != nil {
		return nil, fmt.Errorf("make a NATS server in the process: %w", err)
	}
	l := &serverLog{log: log}
	s.SetLoggerV2(l, false, false, false)
	s.Start()
	if !s.ReadyForConnections(startTimeout) || !s.JetStreamEnabled() {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("start a NATS server in the process: %w", l.reason())
	}
	return &embedded{nats: s}, nil
}

func (s *embedded) close() {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
}

// privateDirectory makes an empty directory, also where the root file system is read-only.
func privateDirectory() (string, error) {
	var failures []error
	for _, parent := range []string{os.TempDir(), "/dev/shm", "."} {
		directory, err := os.MkdirTemp(parent, "sfu-engine-")
		if err == nil {
			return directory, nil
		}
		failures = append(failures, err)
	}
	return "", fmt.Errorf("make a directory for the NATS server in the process: %w", errors.Join(failures...))
}

// A serverLog passes on what the server says.
type serverLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	last error // the last fault
}

func (l *serverLog) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		return errors.New("it did not get ready")
	}
	return l.last
}

func (l *serverLog) say(level slog.Level, format string, v []any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "NATS server: "+fmt.Sprintf(format, v...))
	}
}

func (l *serverLog) fault(format string, v []any) {
	l.mu.Lock()
	l.last = fmt.Errorf(format, v...)
	l.mu.Unlock()
	l.say(slog.LevelWarn, format, v)
}

// These implement server.Logger. A fatal error does not end the process.

func (l *serverLog) Noticef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.say(slog.LevelDebug, format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l *serverLog) Tracef(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.fault(format, v) }
func (l *serverLog) Fatalf(format string, v ...any)  { l.fault(format, v) }
