package protocol_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sfu/pkg/signaling/protocol"
)

const goldenDir = "../testdata"

// golden returns the golden files whose names begin with prefix, compacted, by name.
func golden(t testing.TB, prefix string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(goldenDir, prefix+"*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files %s*: %v", prefix, err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := json.Compact(&b, data); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		files[strings.TrimSuffix(filepath.Base(path), ".json")] = b.Bytes()
	}
	return files
}

// messageType returns "join" for "client-join.watch".
func messageType(name string) string {
	_, kind, _ := strings.Cut(name, "-")
	kind, _, _ = strings.Cut(kind, ".")
	return kind
}

func TestClientMessagesDecodeAndEncodeAsTheGoldenFiles(t *testing.T) {
	seen := map[string]bool{}
	for name, want := range golden(t, "client-") {
		req, err := protocol.Decode(want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if kind := messageType(name); req.Body.Type() != kind {
			t.Errorf("%s holds a %q", name, req.Body.Type())
		}
		seen[req.Body.Type()] = true
		if got := protocol.EncodeRequest(req.ID, req.Body); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	for _, kind := range protocol.ClientTypes() {
		if !seen[kind] {
			t.Errorf("no golden file for client message %q", kind)
		}
	}
}

func TestServerMessagesDecodeAndEncodeAsTheGoldenFiles(t *testing.T) {
	seen := map[string]bool{}
	for name, want := range golden(t, "server-") {
		re, m, err := protocol.DecodeServer(want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if kind := messageType(name); m.Type() != kind {
			t.Errorf("%s holds a %q", name, m.Type())
		}
		seen[m.Type()] = true
		got := protocol.EncodeReply(re, m)
		if re == 0 {
			got = protocol.EncodeEvent(m)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	for _, kind := range protocol.ServerTypes() {
		if !seen[kind] {
			t.Errorf("no golden file for server message %q", kind)
		}
	}
}

func TestHTTPAnswersDecodeAndEncodeAsTheGoldenFiles(t *testing.T) {
	for name, want := range golden(t, "http-") {
		var v any = &protocol.RoomInfo{}
		if messageType(name) == "error" {
			v = &protocol.Refusal{}
		}
		if err := json.Unmarshal(want, v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := json.Marshal(v)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s (%v)", name, got, want, err)
		}
	}
}
