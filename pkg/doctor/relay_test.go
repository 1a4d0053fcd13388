package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"sfu/pkg/signaling/protocol"
)

const relaySecret = "north"

// startTURN runs a TURN server over UDP and TCP on loopback and returns its address. It permits peers that permit says yes to.
func startTURN(t *testing.T, permit func(net.IP) bool) string {
	t.Helper()
	packets, listener := listenBoth(t)
	relays := &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	permission := func(_ net.Addr, peer net.IP) bool { return permit(peer) }
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "example.org", LoggerFactory: silence(), AuthHandler: turn.LongTermTURNRESTAuthHandler(relaySecret, nil),
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: packets, RelayAddressGenerator: relays, PermissionHandler: permission}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: listener, RelayAddressGenerator: relays, PermissionHandler: permission}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return packets.LocalAddr().String()
}

// listenBoth opens a port that is free for UDP and TCP.
func listenBoth(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 20 {
		packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp4", packets.LocalAddr().String())
		if err == nil {
			return packets, listener
		}
		_ = packets.Close()
	}
	t.Fatal("no port is free for both")
	return nil, nil
}

func everyone(net.IP) bool { return true }

// relayServers are what clients are told of a TURN server at address that knows secret.
func relayServers(t *testing.T, secret string, urls ...string) []protocol.ICEServer {
	t.Helper()
	user, password, err := turn.GenerateLongTermTURNRESTCredentials(secret, "doctor", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return []protocol.ICEServer{{URLs: urls, Username: user, Credential: password}}
}

func TestRelays(t *testing.T) {
	good, strict := startTURN(t, everyone), startTURN(t, func(net.IP) bool { return false })
	nobody := closedPort(t)
	for name, tt := range map[string]struct {
		secret string
		url    string
		want   string
	}{
		"UDP":               {relaySecret, "turn:" + good, "ok turn"},
		"TCP":               {relaySecret, "turn:" + good + "?transport=tcp", "ok turn"},
		"wrong secret":      {"south", "turn:" + good, "fail turn-credentials"},
		"relays nothing":    {relaySecret, "turn:" + strict, "warn turn-relay"},
		"nobody":            {relaySecret, "turn:" + nobody + "?transport=tcp", "fail turn-unreachable"},
		"TLS where none is": {relaySecret, "turns:" + good, "fail turn-unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, judgeRelays(probeRelays(t.Context(), relayServers(t, tt.secret, tt.url))), tt.url, tt.want)
		})
	}
}

func TestNoRelays(t *testing.T) {
	check(t, judgeRelays(probeRelays(t.Context(), []protocol.ICEServer{{URLs: []string{"stun:192.0.2.1"}}})), "", "info turn-none")
}

func TestSTUNMapped(t *testing.T) {
	server := startTURN(t, everyone)
	mapped, err := stunMapped(t.Context(), server)
	if err != nil || mapped != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("got %v, %v", mapped, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := stunMapped(ctx, server); err == nil {
		t.Error("asked although it was over")
	}
	if _, err := stunMapped(t.Context(), closedPort(t)); err == nil {
		t.Error("nobody has answered")
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestJudgeMapped(t *testing.T) {
	a, b := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("10.0.0.7")
	check(t, judgeMapped("stun.example.org:3478", a, nil, []netip.Addr{b, a}), "203.0.113.7", "ok stun-mapped")
	check(t, judgeMapped("stun.example.org:3478", a, nil, []netip.Addr{b}), "--public-ip=203.0.113.7", "warn stun-differs")
	check(t, judgeMapped("stun.example.org:3478", netip.Addr{}, errors.New("timeout"), nil), "timeout", "warn stun-unreachable")
}
