package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
	"sfu/pkg/signaling"
)

// post asks the operators' port, with headers as pairs of name and value.
func post(t *testing.T, url string, headers ...string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// leaving is a node that drains for as long as it may, and counts what operators do to it.
type leaving struct {
	vacated, undrained atomic.Int32
	draining           chan struct{}
}

func startLeaving(t *testing.T) (*leaving, *running) {
	l := &leaving{draining: make(chan struct{})}
	return l, startNode(t, parts{
		Vacate:  func(ctx context.Context) { l.vacated.Add(1); <-ctx.Done() },
		Undrain: func() { l.undrained.Add(1) },
		Drain: func(ctx context.Context) error {
			close(l.draining)
			<-ctx.Done()
			return nil
		},
	}, "--admin-listen=127.0.0.1:0")
}

func TestDrainIsTakenBack(t *testing.T) {
	l, r := startLeaving(t)
	if status := post(t, r.adminURL("/drain")); status != http.StatusAccepted {
		t.Errorf("drain: %d", status)
	}
	if status, _ := get(t, r.url("/readyz")); status != http.StatusServiceUnavailable {
		t.Errorf("ready while it drains: %d", status)
	}
	if status := post(t, r.adminURL("/undrain")); status != http.StatusOK {
		t.Errorf("undrain: %d", status)
	}
	if status, _ := get(t, r.url("/readyz")); status != http.StatusOK {
		t.Errorf("ready again: %d", status)
	}
	if l.vacated.Load() != 1 || l.undrained.Load() != 1 {
		t.Errorf("%d drains, %d taken back", l.vacated.Load(), l.undrained.Load())
	}
}

// What a signal has begun no operator takes back: the process would end at once, with everybody in it.
func TestEndIsNotTakenBack(t *testing.T) {
	l, r := startLeaving(t)
	post(t, r.adminURL("/drain"))
	r.signals <- syscall.SIGTERM
	<-l.draining
	before := l.vacated.Load()
	if status := post(t, r.adminURL("/drain")); status != http.StatusAccepted {
		t.Errorf("drain: %d", status)
	}
	if _, body := get(t, r.adminURL("/drain")); !strings.Contains(body, `"draining": true`) {
		t.Errorf("the drain is told as %s", body)
	}
	if status := post(t, r.adminURL("/undrain")); status != http.StatusConflict {
		t.Errorf("undrain: %d", status)
	}
	if status, _ := get(t, r.adminURL("/readyz")); status != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", status)
	}
	if l.vacated.Load() != before || l.undrained.Load() != 0 {
		t.Errorf("%d more drains, %d taken back", l.vacated.Load()-before, l.undrained.Load())
	}
	r.signals <- syscall.SIGTERM
}

// A page that an operator looks at must not drain a server that only the operator's machine reaches.
func TestPagesDoNotDrain(t *testing.T) {
	l, r := startLeaving(t)
	for _, headers := range [][]string{
		{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-origin"},
	} {
		for _, path := range []string{"/drain", "/undrain"} {
			if status := post(t, r.adminURL(path), headers...); status != http.StatusForbidden {
				t.Errorf("%s with %v: %d", path, headers, status)
			}
		}
	}
	if l.vacated.Load() != 0 {
		t.Error("it drains")
	}
}

// Whoever is left at the deadline is put out, also where rooms were still being handed over then; a drain that is taken back leaves them.
func TestDeadlineOfADrain(t *testing.T) {
	for name, draining := range map[string]bool{"deadline": true, "taken back": false} {
		t.Run(name, func(t *testing.T) {
			verifier, _, err := newVerifier(Access{})
			if err != nil {
				t.Fatal(err)
			}
			pool := forwarder.NewPool(forwarder.Config{Workers: 1})
			defer pool.Close()
			a := &assembly{rooms: room.NewRegistry(pool, room.Config{}, nil)}
			defer a.rooms.Close()
			if a.signals, err = signaling.NewServer(signaling.FromRegistry(a.rooms), nil, verifier, signaling.Options{}, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			if !draining {
				cancel()
			}
			a.vacate(ctx, patience)
			late, _, err := a.rooms.Join(auth.Grant{Room: "kitchen"}, "", nil)
			if err == nil {
				late.Leave(room.Left)
			}
			if errors.Is(err, room.ErrDraining) != draining {
				t.Errorf("who comes then is told %v", err)
			}
		})
	}
}
