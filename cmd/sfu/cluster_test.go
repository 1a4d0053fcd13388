package main

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sfu/pkg/cluster"
	"sfu/pkg/cluster/ownership"
)

// What belongs together in a cluster must be there together.
func TestClusterSettings(t *testing.T) {
	const nats, secret = "--nats-url=nats://127.0.0.1:4222", "--cluster-secret-file=secret"
	for _, c := range []struct {
		args []string
		want string // part of what is said, "" if nothing is wrong
	}{
		{nil, ""},
		{[]string{nats, secret}, ""},
		{[]string{nats, secret, "--cluster-address=node-1.internal", "--cluster-listen=:7001"}, ""},
		{[]string{nats, secret, "--signal-mode=redirect", "--public-url=https://sfu-1.example.org"}, ""},
		{[]string{nats}, "cluster-secret-file"},
		{[]string{"--nats-creds=file"}, "--nats-url"},
		{[]string{nats, secret, "--nats-cert=file"}, "--nats-key"},
		{[]string{"--nats-url=http://127.0.0.1"}, "nats://"},
		{[]string{"--signal-mode=redirect"}, "--public-url"},
		{[]string{"--signal-mode=relay"}, "none of proxy, redirect"},
		{[]string{"--public-url=https://user@example.org"}, "not a URL"},
		{[]string{nats, secret, "--cluster-listen=:8080"}, "another port"},
		{[]string{nats, secret, "--cluster-listen=:9090", "--admin-listen=:9090"}, "another port"},
		{[]string{"--cluster-address=a b"}, "not an address"},
		{[]string{"--node-name=a*b"}, "not a name"},
		{[]string{"--drain-timeout=10s", "--drain-lb-delay=10s"}, "drain-lb-delay"},
	} {
		_, err := loadConfig(c.args, environment{})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%v: %v", c.args, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%v: %v, want something about %q", c.args, err, c.want)
		}
	}
}

func TestClusterAddress(t *testing.T) {
	outside, reachable := outsideAddress(netip.IPv4Unspecified())
	for _, c := range []struct{ address, listening, want string }{
		{"", "10.0.0.5:7883", "10.0.0.5:7883"},
		{"", "[fd00::5]:7883", "[fd00::5]:7883"},
		{"node-1.internal", "0.0.0.0:7883", "node-1.internal:7883"},
		{"node-1.internal:7001", "0.0.0.0:7883", "node-1.internal:7001"},
		{"fd00::5", "[::]:7883", "[fd00::5]:7883"},
		{"", "0.0.0.0:7883", outside.String() + ":7883"},
	} {
		if c.address == "" && strings.HasPrefix(c.listening, "0.") && !reachable {
			continue // a machine without a network
		}
		cfg := Cluster{}
		if c.address != "" {
			var err error
			if cfg.Address, err = parseNodeAddress(c.address); err != nil {
				t.Error(err)
				continue
			}
		}
		at, err := net.ResolveTCPAddr("tcp", c.listening)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := clusterAddress(cfg, at); err != nil || got != c.want {
			t.Errorf("%q, listening on %s: %s, %v, want %s", c.address, c.listening, got, err, c.want)
		}
	}
}

// Where clients are sent depends on the mode and on whether the owner has an address of its own.
func TestLocations(t *testing.T) {
	elsewhere := http.NotFoundHandler()
	for _, c := range []struct {
		name     string
		redirect bool
		at       cluster.Location
		signal   string
		proxied  bool
	}{
		{"here", true, cluster.Location{Here: true}, "", false},
		{"passed on", false, cluster.Location{Elsewhere: elsewhere, URL: "https://sfu-2.example.org"}, "", true},
		{"redirected", true, cluster.Location{Elsewhere: elsewhere, URL: "https://sfu-2.example.org/calls"}, "wss://sfu-2.example.org/calls/v1/rooms/kitchen/signal", false},
		{"over plain HTTP", true, cluster.Location{Elsewhere: elsewhere, URL: "http://10.0.0.2:8080"}, "ws://10.0.0.2:8080/v1/rooms/kitchen/signal", false},
		{"an owner without an address", true, cluster.Location{Elsewhere: elsewhere}, "", true},
	} {
		at, err := locator{redirect: c.redirect}.location("kitchen", c.at, nil)
		if err != nil || at.Signal != c.signal || (at.Elsewhere != nil) != c.proxied {
			t.Errorf("%s: %+v, %v", c.name, at, err)
		}
	}
	for _, why := range []ownership.Refusal{ownership.Full, ownership.Draining, ownership.Isolated, ownership.Alive, ownership.NoEngine, ownership.Held, ownership.Unreachable} {
		e := refusalOf(&cluster.Refused{Reason: why, RetryAfter: 1500 * time.Millisecond})
		if e.Code != "room_unavailable" || e.RetryAfter != 1500 || e.Message == "" {
			t.Errorf("%s: %+v", why, e)
		}
	}
}

// TestOwnClusterAddress: with the preset, which listens everywhere, the doctor must know its own node among those it hears.
func TestOwnClusterAddress(t *testing.T) {
	at, ok := outsideAddress(netip.IPv4Unspecified())
	if !ok {
		t.Skip("this machine has no address but loopback")
	}
	if got, want := clusterAddressOf(Cluster{Listen: endpoint{port: 7883, set: true}}), netip.AddrPortFrom(at, 7883).String(); got != want {
		t.Errorf("own address %q, the node says %q", got, want)
	}
}

// Load is what this process uses of its processors, not so quick that one busy moment counts.
func TestLoadMeter(t *testing.T) {
	start := time.Now()
	used := time.Duration(0)
	m := &loadMeter{at: start, spent: func() time.Duration { return used }}
	if l := m.read(start.Add(loadWindow / 2)); l != 0 {
		t.Errorf("%f before anything could be measured", l)
	}
	for i := 1; i <= 20; i++ {
		used += time.Duration(processors()) * time.Second // all of them, all the time
		m.read(start.Add(time.Duration(i) * time.Second))
	}
	if l := m.read(start.Add(20 * time.Second)); l < 1.2 || l > 1.3 {
		t.Errorf("a process that uses everything has the load %f, want 1.25", l)
	}
	if l := m.read(start.Add(30 * time.Second)); l > 0.7 {
		t.Errorf("after ten idle seconds it is %f", l)
	}
}
