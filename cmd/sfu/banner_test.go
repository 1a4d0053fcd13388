package main

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"sfu/pkg/address"
)

func planOf(listen string, interfaces ...address.Interface) address.Plan {
	f := address.Facts{Interfaces: interfaces}
	if listen != "" {
		f.Listen = netip.MustParseAddr(listen)
	}
	return address.Decide(f)
}

func wlan(addresses ...string) address.Interface {
	i := address.Interface{Name: "wlan0"}
	for _, a := range addresses {
		i.Addresses = append(i.Addresses, netip.MustParseAddr(a))
	}
	return i
}

func TestBannerAtHome(t *testing.T) {
	var out strings.Builder
	writeBanner(&out, announcement{
		version: "1.0", listen: endpoint{port: 8080}, mediaPort: 8080, open: true, plan: planOf("", wlan("192.168.1.20")),
	})
	want := `sfu 1.0 is running.

Open    http://localhost:8080
        http://192.168.1.20:8080
        Browsers give camera and microphone to plain http on this machine only. For others use
        --tls-self, --tls-cert or a proxy with TLS.
Media   on port 8080, UDP and TCP; browsers are told these addresses:
        192.168.1.20  wlan0, a private address: for people in the same network
        127.0.0.1     for browsers on this machine
        Note: only people in the same network can connect; for others set --public-ip to the address
        under which they reach this machine.
Rooms   open to anyone who can reach this server; --auth-keys-file asks for tokens

`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestBannerWithEverything(t *testing.T) {
	var out strings.Builder
	writeBanner(&out, announcement{
		version: "1.0", listen: endpoint{port: 443}, mediaPort: 443, tls: true, fingerprint: "AA:BB", certificateFile: "/var/lib/sfu/c.pem",
		plan: planOf("", wlan("203.0.113.7", "2001:db8::7")), admin: "0.0.0.0:9090",
	})
	want := `sfu 1.0 is running.

Open    https://localhost
        https://203.0.113.7
        https://[2001:db8::7]
TLS     with a certificate that nobody signed: browsers warn once. Its SHA-256 fingerprint is
        AA:BB
        It is kept in /var/lib/sfu/c.pem.
Media   on port 443, UDP and TCP; browsers are told these addresses:
        203.0.113.7  wlan0, a public address
        2001:db8::7  wlan0, a public address
        127.0.0.1    for browsers on this machine
Rooms   need a token; sfu token makes one
Admin   http://0.0.0.0:9090/metrics, /rooms, /debug/pprof/
        It asks for no password: keep this port from everyone but operators.

`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestBannerVariants(t *testing.T) {
	for name, tt := range map[string]struct {
		a           announcement
		has, hasNot []string
	}{
		"bound to loopback": {
			announcement{listen: endpoint{host: netip.MustParseAddr("127.0.0.1"), port: 8080}, mediaPort: 8080, plan: planOf("127.0.0.1", wlan("192.168.1.20"))},
			[]string{"http://localhost:8080"}, []string{"192.168.1.20", "Browsers give camera"},
		},
		"bound to IPv6 loopback": {
			announcement{listen: endpoint{host: netip.MustParseAddr("::1"), port: 8080}, mediaPort: 8080, plan: planOf("::1")},
			[]string{"http://[::1]:8080"}, []string{"localhost"},
		},
		"bound to one address": {
			announcement{listen: endpoint{host: netip.MustParseAddr("192.168.1.20"), port: 80}, mediaPort: 80, plan: planOf("192.168.1.20", wlan("192.168.1.20"))},
			[]string{"http://192.168.1.20\n"}, []string{"localhost"},
		},
		"media on a port of its own": {
			announcement{listen: endpoint{port: 8080}, mediaPort: 7882, plan: planOf("", wlan("203.0.113.7"))},
			[]string{"on port 7882", "203.0.113.7 ", "http://localhost:8080"}, []string{"http://203.0.113.7", "Browsers give camera"},
		},
		"admin for this machine": {
			announcement{admin: "127.0.0.1:9090", adminPrivate: true}, []string{"http://127.0.0.1:9090/metrics"}, []string{"no password"},
		},
		"certificate could not be stored": {
			announcement{tls: true, fingerprint: "AA", certificateNotStored: errors.New("no space")}, []string{"kept in memory, a restart makes another one: no", "space"}, nil,
		},
		"certificate without a place": {
			announcement{tls: true, fingerprint: "AA"}, []string{"kept in memory, a restart makes another one."}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			writeBanner(&out, tt.a)
			for _, text := range tt.has {
				if !strings.Contains(out.String(), text) {
					t.Errorf("%q is missing:\n%s", text, out.String())
				}
			}
			for _, text := range tt.hasNot {
				if strings.Contains(out.String(), text) {
					t.Errorf("%q should not be there:\n%s", text, out.String())
				}
			}
		})
	}
}
