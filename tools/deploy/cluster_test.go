package deploy

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// nodeNames are the services that are nodes.
var nodeNames = []string{"sfu-1", "sfu-2"}

func mustCluster(t *testing.T) *types.Project {
	t.Helper()
	p, err := project(t, "compose.cluster.yaml", "PUBLIC_IP=203.0.113.7", "NATS_PASSWORD=n0123")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestClusterNeedsItsVariables(t *testing.T) {
	for missing, env := range map[string]string{"PUBLIC_IP": "NATS_PASSWORD=n0123", "NATS_PASSWORD": "PUBLIC_IP=203.0.113.7"} {
		if _, err := project(t, "compose.cluster.yaml", env); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

func environment(s types.ServiceConfig) map[string]string {
	env := map[string]string{}
	for name, value := range s.Environment {
		env[name] = *value
	}
	return env
}

// secretPath is where a service finds a secret, or "" if it does not get it.
func secretPath(s types.ServiceConfig, name string) string {
	for _, secret := range s.Secrets {
		if secret.Source == name {
			return "/run/secrets/" + name
		}
	}
	return ""
}

func TestClusterNodes(t *testing.T) {
	p := mustCluster(t)
	known := settings(t)
	media := map[string]bool{}
	for _, name := range nodeNames {
		s := p.Services[name]
		env := environment(s)
		for variable := range env {
			if _, there := known[variable]; !there && variable != gracePeriod {
				t.Errorf("%s is no setting", variable)
			}
		}
		port := env["SFU_MEDIA_PORT"]
		if media[port] {
			t.Errorf("two nodes want the port %s of the host", port)
		}
		media[port] = true
		if got, want := published(s), []string{port + "/tcp", port + "/udp"}; !slices.Equal(got, want) {
			t.Errorf("%s publishes %v, media needs %v", name, got, want)
		}
		if env["SFU_NODE_NAME"] != name || env["SFU_CLUSTER_ADDRESS"] != name+env["SFU_CLUSTER_LISTEN"] {
			t.Errorf("%s is called %s and tells others %s", name, env["SFU_NODE_NAME"], env["SFU_CLUSTER_ADDRESS"])
		}
		if env["SFU_CLUSTER_SECRET_FILE"] != secretPath(s, "cluster-secret") {
			t.Errorf("%s looks for the secret at %s", name, env["SFU_CLUSTER_SECRET_FILE"])
		}
		if env["SFU_NATS_URL"] != "nats://sfu:n0123@nats:4222" {
			t.Errorf("%s looks for NATS at %s", name, env["SFU_NATS_URL"])
		}
		stop := time.Duration(*s.StopGracePeriod)
		if drain := duration(t, env["SFU_DRAIN_TIMEOUT"]) + duration(t, env["SFU_DRAIN_LB_DELAY"]); stop < drain+5*time.Second {
			t.Errorf("%s is killed after %v, a drain takes up to %v", name, stop, drain)
		}
		if told := duration(t, env[gracePeriod]+"s"); told != stop {
			t.Errorf("sfu doctor is told of %v, %s is killed after %v", told, name, stop)
		}
		checkConfined(t, s)
	}
	for name, s := range p.Services {
		for _, port := range s.Ports {
			open := slices.Contains(nodeNames, name) || name == "haproxy"
			if !open && port.HostIP != "127.0.0.1" {
				t.Errorf("%s can be reached from outside at %s", name, port.Published)
			}
		}
	}
}

func checkConfined(t *testing.T, s types.ServiceConfig) {
	t.Helper()
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
		t.Errorf("%s may do more than it needs", s.Name)
	}
}

// TestClusterTrustsTheBalancer looks whether the address that nodes trust is that of HAProxy, and no other container can get it.
func TestClusterTrustsTheBalancer(t *testing.T) {
	p := mustCluster(t)
	address := netip.MustParseAddr(p.Services["haproxy"].Networks["cluster"].Ipv4Address)
	pool := p.Networks["cluster"].Ipam.Config[0]
	if !netip.MustParsePrefix(pool.Subnet).Contains(address) || netip.MustParsePrefix(pool.IPRange).Contains(address) {
		t.Errorf("HAProxy's %v is not in %s, or may be given to others of %s", address, pool.Subnet, pool.IPRange)
	}
	for _, name := range nodeNames {
		if got := environment(p.Services[name])["SFU_TRUSTED_PROXIES"]; got != address.String() {
			t.Errorf("%s trusts %s", name, got)
		}
	}
}

func TestClusterMountsItsFiles(t *testing.T) {
	p := mustCluster(t)
	for service, want := range map[string]string{"haproxy": "haproxy/haproxy.cfg", "nats": "nats/nats.conf", "prometheus": "prometheus/prometheus.yml"} {
		mounted := false
		for _, v := range p.Services[service].Volumes {
			mounted = mounted || filepath.Base(v.Source) == filepath.Dir(want) && v.ReadOnly
		}
		if !mounted || read(t, "deploy/"+want) == "" {
			t.Errorf("%s does not get %s", service, want)
		}
	}
	haproxy := p.Services["haproxy"]
	if got := environment(haproxy)["TLS_PEM"]; got != secretPath(haproxy, "tls-pem") {
		t.Errorf("HAProxy looks for its certificate at %s", got)
	}
	grafana := p.Services["grafana"]
	if got := environment(grafana)["GF_SECURITY_ADMIN_PASSWORD__FILE"]; got != secretPath(grafana, "grafana-password") {
		t.Errorf("Grafana looks for its password at %s", got)
	}
	for name, secret := range p.Secrets {
		if !strings.Contains(secret.File, "deploy/secrets/") {
			t.Errorf("the secret %s lies in %s, which git does not ignore", name, secret.File)
		}
	}
}

// TestBalancersKnowTheNodes looks for the nodes of the compose file in each balancer's file.
func TestBalancersKnowTheNodes(t *testing.T) {
	p := mustCluster(t)
	for _, file := range []string{"deploy/haproxy/haproxy.cfg", "deploy/nginx/nginx.conf", "deploy/caddy/Caddyfile.cluster"} {
		for _, name := range nodeNames {
			if backend := name + environment(p.Services[name])["SFU_LISTEN"]; !strings.Contains(read(t, file), backend) {
				t.Errorf("%s does not know %s", file, backend)
			}
		}
	}
}
