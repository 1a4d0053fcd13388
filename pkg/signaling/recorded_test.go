package signaling

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"sfu/pkg/signaling/protocol"
)

var recordedLine = regexp.MustCompile(`(?m)^(\w+) ([<>]) (\{.*\})$`)

// S8: the exchange at the end of PROTOCOL.md is what the server really says.
func TestTheRecordedExchange(t *testing.T) {
	page, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## A short call, recorded\n")
	lines := recordedLine.FindAllStringSubmatch(section, -1)
	if len(lines) < 30 {
		t.Fatalf("only %d lines are recorded", len(lines))
	}
	n := newNetwork(t, Options{ICEServers: []protocol.ICEServer{{URLs: []string{"stun:stun.example.org:3478"}}}}, defaultTiming)
	clients := map[string]*wsClient{}
	for i, line := range lines {
		name, sends, frame := line[1], line[2] == ">", line[3]
		c := clients[name]
		if c == nil {
			c = n.dial(t, "kitchen")
			clients[name] = c
		}
		if sends {
			c.sendRaw([]byte(strings.ReplaceAll(frame, ", s", `\ns`)))
			continue
		}
		c.ws.SetReadDeadline(time.Now().Add(patience))
		_, got, err := c.ws.ReadMessage()
		if err != nil {
			t.Fatalf("line %d: %v, want %s", i+1, err, frame)
		}
		if g, w := settled(t, got), settled(t, []byte(frame)); !reflect.DeepEqual(g, w) {
			t.Errorf("line %d: %s received\n%s\nwant\n%s", i+1, name, got, frame)
		}
	}
	for name, c := range clients {
		if _, code, why := c.closed(); code != 1000 || why != "left" {
			t.Errorf("%s ended with %d %q", name, code, why)
		}
	}
}

// settled returns a frame without what differs from run to run; that it is there counts.
func settled(t *testing.T, frame []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(frame, &m); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", frame, err))
	}
	for _, key := range []string{"session", "serverTime", "at"} {
		if v, ok := m[key]; ok {
			m[key] = reflect.TypeOf(v).String()
		}
	}
	return m
}
