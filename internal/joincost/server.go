package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A server is the process that is measured.
type server struct {
	url      string
	admin    string
	profiles string
	process  *exec.Cmd
}

// startTimeout is how long the server may take to be ready.
const startTimeout = 10 * time.Second

// startServer runs the server and waits until it is ready.
func startServer(ctx context.Context, o options) (*server, error) {
	s := &server{
		url: fmt.Sprintf("http://127.0.0.1:%d", o.port), admin: fmt.Sprintf("http://127.0.0.1:%d", o.port+1), profiles: o.profiles,
	}
	command := []string{o.server, "--listen", strings.TrimPrefix(s.url, "http://"), "--admin-listen", strings.TrimPrefix(s.admin, "http://"), "--log-level", "warn"}
	command = append(command, strings.Fields(o.arguments)...)
	if o.core >= 0 {
		command = append([]string{"taskset", "-c", strconv.Itoa(o.core)}, command...)
	}
	s.process = exec.CommandContext(ctx, command[0], command[1:]...)
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	ready, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.get(ready, "/readyz", io.Discard)
		if err == nil {
			return s, nil
		}
		if ready.Err() != nil {
			return nil, errors.Join(fmt.Errorf("wait for the server: %w", err), s.stop())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop ends the process at once: there is nobody left to say goodbye to.
func (s *server) stop() error {
	if err := s.process.Process.Kill(); err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	_ = s.process.Wait() // it says that it was killed
	return nil
}

// get writes what the operator's port says at path.
func (s *server) get(ctx context.Context, path string, w io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.admin+path, nil)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", path, err)
	}
	request.Close = true // a connection that stays open is memory of the server, too
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", path, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for %s: %s", path, answer.Status)
	}
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// keepProfile writes one of the server's profiles to a file, where they are wanted.
func (s *server) keepProfile(ctx context.Context, name, file string) error {
	if s.profiles == "" {
		return nil
	}
	return s.save(ctx, "/debug/pprof/"+name, file)
}

// profileCPU profiles the server's CPU time for so long, where profiles are wanted, and tells when it is done.
func (s *server) profileCPU(ctx context.Context, length time.Duration) <-chan error {
	done := make(chan error, 1)
	if s.profiles == "" {
		done <- nil
		return done
	}
	go func() {
		done <- s.save(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(1, int(length.Seconds()))), "cpu")
	}()
	return done
}

func (s *server) save(ctx context.Context, path, name string) error {
	f, err := os.Create(filepath.Join(s.profiles, name+".pprof"))
	if err != nil {
		return fmt.Errorf("keep a profile: %w", err)
	}
	return errors.Join(s.get(ctx, path, f), f.Close())
}
