package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sfu/pkg/auth"
)

func TestRemovedKeyIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, second, _ := strings.Cut(testKeys, "\n")
	write(second)
	v, r, err := newVerifier(Access{KeysFile: file})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := auth.ParseKeys([]byte(second))
	if err != nil {
		t.Fatal(err)
	}
	token, err := auth.Sign(keys[0], auth.Grant{Room: "kitchen", Identity: "ann", Expires: time.Now().Add(time.Minute)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	expect := func(changed, failed, accepted bool) {
		t.Helper()
		gotChanged, err := r.Refresh(time.Now())
		if gotChanged != changed || (err != nil) != failed {
			t.Errorf("refresh: %v, %v", gotChanged, err)
		}
		if _, err := v.Verify(token, "kitchen", time.Now()); (err == nil) != accepted {
			t.Errorf("verify: %v", err)
		}
	}
	expect(false, false, true)
	write("rubbish")
	expect(false, true, true)
	write(first)
	expect(true, false, false)
	write(first + "\n" + second)
	expect(true, false, true)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	expect(false, true, true)
}

// scripted answers one entry of its script per refresh.
type scripted struct {
	script []any // an error, or whether it changed
	calls  int
}

func (s *scripted) Refresh(time.Time) (bool, error) {
	next := s.script[min(s.calls, len(s.script)-1)]
	s.calls++
	if err, ok := next.(error); ok {
		return false, err
	}
	return next.(bool), nil
}

func TestKeepFreshLogsEachErrorOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := &scripted{script: []any{false, errors.New("gone"), errors.New("gone"), errors.New("worse"), true, false}}
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			keepFresh(ctx, map[string]refresher{"keys": s}, time.Second, slog.New(slog.NewTextHandler(&log, nil)))
		})
		time.Sleep(6500 * time.Millisecond) // of the test's own clock
		cancel()
		group.Wait()
		if s.calls != 6 {
			t.Errorf("%d refreshes", s.calls)
		}
		for text, want := range map[string]int{"error=gone": 1, "error=worse": 1, "msg=refreshed": 1} {
			if got := strings.Count(log.String(), text); got != want {
				t.Errorf("%s %d times:\n%s", text, got, log.String())
			}
		}
	})
}

func TestTURNSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(" hush \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := readSecret(TURN{SecretFile: file}); err != nil || string(s) != "hush" {
		t.Errorf("%v", err)
	}
	if s, err := readSecret(TURN{Secret: "from the environment"}); err != nil || string(s) != "from the environment" {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(file, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecret(TURN{SecretFile: file}); err == nil {
		t.Error("an empty secret is accepted")
	}
}
