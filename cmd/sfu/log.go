package main

import (
	"bytes"
	"io"
	"log"
	"log/slog"
)

func newLogger(o Observation, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.LogLevel}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// httpErrors takes what net/http logs. Nearly all of it is caused by clients, such as handshakes that were broken off; a panic is
// not.
type httpErrors struct{ log *slog.Logger }

func (h httpErrors) Write(line []byte) (int, error) {
	text := string(bytes.TrimSpace(line))
	if bytes.Contains(line, []byte("panic serving")) {
		h.log.Error("a request ended in a panic", "detail", text)
	} else {
		h.log.Debug("http server", "detail", text)
	}
	return len(line), nil
}

func newHTTPErrorLog(l *slog.Logger) *log.Logger { return log.New(httpErrors{l}, "", 0) }
