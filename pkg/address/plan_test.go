package address_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sfu/pkg/address"
)

func ifaces(specs ...string) []address.Interface {
	var all []address.Interface
	for _, spec := range specs {
		fields := strings.Fields(spec)
		i := address.Interface{Name: fields[0]}
		for _, a := range fields[1:] {
			i.Addresses = append(i.Addresses, netip.MustParseAddr(a))
		}
		all = append(all, i)
	}
	return all
}

func public(t *testing.T, texts ...string) []address.Public {
	t.Helper()
	var all []address.Public
	for _, text := range texts {
		p, err := address.ParsePublic(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestDecide(t *testing.T) {
	lo := "lo 127.0.0.1 ::1"
	for name, tt := range map[string]struct {
		interfaces []string
		explicit   []string
		listen     string
		container  bool
		want       []string // "address" or "address>local"
		warning    string   // part of the only warning, "" for none
	}{
		"server with a public address": {
			interfaces: []string{lo, "eth0 203.0.113.7 fe80::1%eth0"}, want: []string{"203.0.113.7", "127.0.0.1"},
		},
		"public and private: public wins": {
			interfaces: []string{lo, "eth1 10.0.0.7", "eth0 203.0.113.7"}, want: []string{"203.0.113.7", "127.0.0.1"},
		},
		"at home: private IPv4, global IPv6": {
			interfaces: []string{lo, "wlan0 192.168.1.20 2001:db8::20 fe80::2%wlan0"},
			want:       []string{"192.168.1.20", "2001:db8::20", "127.0.0.1"}, warning: "people without IPv6",
		},
		"at home: private only": {
			interfaces: []string{lo, "wlan0 192.168.1.20 fe80::2%wlan0"}, want: []string{"192.168.1.20", "127.0.0.1"},
			warning: "only people in the same network",
		},
		"containers' bridges are left out": {
			interfaces: []string{lo, "docker0 172.17.0.1", "br-0a1b2c3d4e5f 172.18.0.1", "veth12 172.19.0.1", "enp3s0 192.168.1.20"},
			want:       []string{"192.168.1.20", "127.0.0.1"}, warning: "only people in the same network",
		},
		"overlay network": {
			interfaces: []string{lo, "tailscale0 100.101.102.103"}, want: []string{"100.101.102.103", "127.0.0.1"},
			warning: "only people in the same network",
		},
		"nothing but a bridge": {
			interfaces: []string{lo, "veth0 10.9.0.2 fe80::3%veth0", "eth0 169.254.9.9"}, want: []string{"10.9.0.2", "127.0.0.1"},
			warning: "only people in the same network",
		},
		"nothing but link-local": {
			interfaces: []string{lo, "eth0 169.254.9.9 fe80::4%eth0"}, want: []string{"169.254.9.9", "127.0.0.1"},
			warning: "only people in the same network",
		},
		"no network": {
			interfaces: []string{lo}, want: []string{"127.0.0.1"}, warning: "no network address but loopback",
		},
		"in a container": {
			interfaces: []string{lo, "eth0 172.17.0.2"}, container: true, want: []string{"172.17.0.2", "127.0.0.1"},
			warning: "looks like a container",
		},
		"in a container on the host's network": {
			interfaces: []string{lo, "eth0 203.0.113.7"}, container: true, want: []string{"203.0.113.7", "127.0.0.1"},
		},
		"explicit beats what is found": {
			interfaces: []string{lo, "eth0 198.51.100.9 10.0.0.7"}, explicit: []string{"203.0.113.7"}, container: true,
			want: []string{"203.0.113.7>?", "127.0.0.1"},
		},
		"1:1 NAT: both": {
			interfaces: []string{lo, "eth0 10.0.0.7"}, explicit: []string{"203.0.113.7/10.0.0.7"},
			want: []string{"203.0.113.7>10.0.0.7", "10.0.0.7", "127.0.0.1"},
		},
		"1:1 NAT of another machine": {
			interfaces: []string{lo, "eth0 10.0.0.8"}, explicit: []string{"203.0.113.7/10.0.0.7"},
			want: []string{"203.0.113.7>10.0.0.7", "10.0.0.7", "127.0.0.1"}, warning: "has no address 10.0.0.7",
		},
		"several explicit, one twice": {
			interfaces: []string{lo}, explicit: []string{"203.0.113.7", "2001:db8::7", "203.0.113.7"},
			want: []string{"203.0.113.7>?", "2001:db8::7>?", "127.0.0.1"},
		},
		"explicit loopback": {
			interfaces: []string{lo, "eth0 203.0.113.7"}, explicit: []string{"127.0.0.1"},
			want: []string{"127.0.0.1>?"}, warning: "only browsers on this machine",
		},
		"bound to one address": {
			interfaces: []string{lo, "eth0 203.0.113.7 10.0.0.7"}, listen: "10.0.0.7",
			want: []string{"10.0.0.7"}, warning: "only people in the same network",
		},
		"bound to loopback": {
			interfaces: []string{lo, "eth0 203.0.113.7"}, listen: "127.0.0.1", want: []string{"127.0.0.1"}, warning: "because --listen says so",
		},
		"bound to IPv4": {
			interfaces: []string{lo, "eth0 2001:db8::7 203.0.113.7"}, listen: "0.0.0.0", want: []string{"203.0.113.7", "127.0.0.1"},
		},
		"bound to both families": {
			interfaces: []string{lo, "eth0 2001:db8::7 203.0.113.7"}, listen: "::", want: []string{"203.0.113.7", "2001:db8::7", "127.0.0.1"},
		},
		"more than clients can try": {
			interfaces: []string{lo, "eth0 203.0.113.1 203.0.113.2 203.0.113.3 203.0.113.4 203.0.113.5 203.0.113.6 203.0.113.7 203.0.113.8 203.0.113.9"},
			want: []string{"203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4", "203.0.113.5", "203.0.113.6", "203.0.113.7", "203.0.113.8",
				"127.0.0.1"},
			warning: "more addresses than are announced",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := address.Facts{Interfaces: ifaces(tt.interfaces...), Explicit: public(t, tt.explicit...), Container: tt.container}
			if tt.listen != "" {
				f.Listen = netip.MustParseAddr(tt.listen)
			}
			plan := address.Decide(f)
			if got := describe(plan); !slices.Equal(got, tt.want) {
				t.Errorf("announced %v, want %v", got, tt.want)
			}
			if tt.warning == "" && len(plan.Warnings) > 0 {
				t.Errorf("warnings %q, want none", plan.Warnings)
			}
			if tt.warning != "" && (len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], tt.warning)) {
				t.Errorf("warnings %q, want one with %q", plan.Warnings, tt.warning)
			}
		})
	}
}

func describe(p address.Plan) []string {
	var all []string
	for _, a := range p.Announced {
		text := a.Address.String()
		switch {
		case !a.Local.IsValid():
			text += ">?"
		case a.Local != a.Address:
			text += ">" + a.Local.String()
		}
		if a.Why == "" {
			text += " without a reason"
		}
		all = append(all, text)
	}
	return all
}

func TestParsePublic(t *testing.T) {
	for text, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "203.0.113.7/10.0.0.7": "203.0.113.7/10.0.0.7", "2001:db8::7": "2001:db8::7", "::ffff:203.0.113.7": "203.0.113.7",
	} {
		if p, err := address.ParsePublic(text); err != nil || p.String() != want {
			t.Errorf("%s: got %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "host.example", "203.0.113.7/", "/10.0.0.7", "203.0.113.7/24", "203.0.113.7/fd00::1", "0.0.0.0", "::", "224.0.0.1",
		"255.255.255.255", "fe80::1%eth0", "203.0.113.7:80", "[2001:db8::7]", "203.0.113.7/10.0.0.7/1"} {
		if p, err := address.ParsePublic(text); err == nil {
			t.Errorf("%q is read as %v", text, p)
		}
	}
}

func TestScopeOf(t *testing.T) {
	for text, want := range map[string]address.Scope{
		"127.0.0.1": address.Loopback, "::1": address.Loopback, "::ffff:127.0.0.1": address.Loopback, "169.254.1.1": address.LinkLocal,
		"fe80::1": address.LinkLocal, "10.1.1.1": address.Private, "172.31.0.1": address.Private, "172.32.0.1": address.Global,
		"192.168.0.1": address.Private, "100.64.0.1": address.Private, "100.128.0.1": address.Global, "fd00::1": address.Private,
		"2001:db8::1": address.Global, "8.8.8.8": address.Global,
	} {
		if got := address.ScopeOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestInterfacesFindsLoopback(t *testing.T) {
	all, err := address.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if slices.Contains(i.Addresses, netip.MustParseAddr("127.0.0.1")) {
			return
		}
	}
	t.Errorf("127.0.0.1 is not among %v", all)
}
