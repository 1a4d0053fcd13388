package deploy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/unit"
)

// service returns the options of the unit's section [Service], each with all its values.
func service(t *testing.T) map[string][]string {
	t.Helper()
	options, err := unit.DeserializeOptions(strings.NewReader(read(t, "deploy/sfu.service")))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]string{}
	for _, o := range options {
		if !slices.Contains([]string{"Unit", "Service", "Install"}, o.Section) {
			t.Errorf("unknown section %q", o.Section)
		}
		if o.Section == "Service" {
			values[o.Name] = append(values[o.Name], o.Value)
		}
	}
	return values
}

func TestUnitIsHardened(t *testing.T) {
	got := service(t)
	for name, want := range map[string]string{
		"ExecStart": "/usr/local/bin/sfu serve", "DynamicUser": "yes", "StateDirectory": "sfu", "NoNewPrivileges": "yes",
		"ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes", "ProtectKernelModules": "yes",
		"ProtectKernelTunables": "yes", "ProtectControlGroups": "yes", "RestrictNamespaces": "yes", "MemoryDenyWriteExecute": "yes",
		"LockPersonality": "yes", "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE", "AmbientCapabilities": "CAP_NET_BIND_SERVICE",
		"SystemCallArchitectures": "native", "KillMode": "mixed",
	} {
		if !slices.Equal(got[name], []string{want}) {
			t.Errorf("%s=%v, want %s", name, got[name], want)
		}
	}
	if !strings.Contains(strings.Join(got["RestrictAddressFamilies"], " "), "AF_NETLINK") {
		t.Error("without netlink the server does not see its addresses")
	}
}

func TestUnitWaitsForTheDrain(t *testing.T) {
	stop := duration(t, service(t)["TimeoutStopSec"][0])
	if drain := duration(t, settings(t)["SFU_DRAIN_TIMEOUT"]); stop < drain+5*time.Second {
		t.Errorf("killed after %v, a drain takes up to %v", stop, drain)
	}
}
