package main

import (
	"os"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// floors are the lowest versions without a known fault that matters here. A module that is not there needs none.
var floors = map[string]struct{ version, why string }{
	"github.com/pion/webrtc/v4":           {"v4.2.10", "deadlock of the gatherer"},
	"github.com/pion/dtls/v3":             {"v3.1.4", "CVE-2026-54908, CVE-2026-26014, hanging handshakes"},
	"github.com/pion/srtp/v3":             {"v3.0.12", "memory per SSRC before authentication"},
	"github.com/pion/stun/v3":             {"v3.1.5", "CVE-2026-54909"},
	"github.com/pion/ice/v4":              {"v4.4.0", "close hangs"},
	"github.com/pion/interceptor":         {"v0.1.45", "CVE-2025-49140, leaks and a deadlock"},
	"github.com/pion/sctp":                {"v1.11.0", "leak of a queue, deadlock on abort"},
	"github.com/pion/rtp":                 {"v1.8.25", "panics on AV1 and empty extensions"},
	"github.com/gorilla/websocket":        {"v1.5.3", "CVE-2020-27813; v1.5.2 is retracted"},
	"github.com/golang-jwt/jwt/v5":        {"v5.2.2", "CVE-2025-30204"},
	"github.com/prometheus/client_golang": {"v1.11.1", "CVE-2022-21698"},
	"github.com/nats-io/nats-server/v2":   {"v2.12.6", "faults of 2026"},
}

// decided are the versions that were chosen on purpose. Others are whatever these require.
var decided = map[string]string{
	"github.com/pion/webrtc/v4":           "v4.2.26",
	"github.com/gorilla/websocket":        "v1.5.3",
	"github.com/golang-jwt/jwt/v5":        "v5.3.1",
	"github.com/prometheus/client_golang": "v1.25.0",
	"github.com/nats-io/nats-server/v2":   "v2.15.2",
	"github.com/nats-io/nats.go":          "v1.55.0",
}

func requirements(t *testing.T) map[string]string {
	t.Helper()
	content, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	required := map[string]string{}
	for _, r := range parsed.Require {
		required[r.Mod.Path] = r.Mod.Version
	}
	if len(parsed.Replace) > 0 {
		t.Errorf("go.mod replaces modules: %v", parsed.Replace[0].Old)
	}
	return required
}

func TestVersionFloors(t *testing.T) {
	required := requirements(t)
	for path, floor := range floors {
		if !semver.IsValid(floor.version) {
			t.Errorf("%s: the floor %s is no version", path, floor.version)
		}
		if got, there := required[path]; there && semver.Compare(got, floor.version) < 0 {
			t.Errorf("%s %s is below %s: %s", path, got, floor.version, floor.why)
		}
	}
	for _, needed := range []string{"github.com/golang-jwt/jwt/v5", "github.com/prometheus/client_golang", "github.com/pion/ice/v4"} {
		if required[needed] == "" {
			t.Errorf("%s is not in go.mod: was it read?", needed)
		}
	}
}

func TestDecidedVersions(t *testing.T) {
	required := requirements(t)
	for path, want := range decided {
		if got, there := required[path]; there && got != want {
			t.Errorf("%s is %s, decided was %s", path, got, want)
		}
	}
}
