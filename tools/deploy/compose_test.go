package deploy

import (
	"context"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// gracePeriod is the variable that tells sfu doctor how long a container has to end.
const gracePeriod = "TERMINATION_GRACE_PERIOD_SECONDS"

// project loads a compose file, checked against the schema.
func project(t *testing.T, file string, env ...string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "deploy", file)}, cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(context.Background())
}

func mustProject(t *testing.T) *types.Project {
	t.Helper()
	p, err := project(t, "compose.yaml", "DOMAIN=meet.example.org", "PUBLIC_IP=203.0.113.7")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestComposeNeedsItsTwoVariables(t *testing.T) {
	for missing, env := range map[string][]string{"PUBLIC_IP": {"DOMAIN=meet.example.org"}, "DOMAIN": {"PUBLIC_IP=203.0.113.7"}} {
		if _, err := project(t, "compose.yaml", env...); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

func TestComposeServer(t *testing.T) {
	p := mustProject(t)
	s := p.Services["sfu"]
	env := map[string]string{}
	known := settings(t)
	for name, value := range s.Environment {
		if _, there := known[name]; !there && name != gracePeriod {
			t.Errorf("%s is no setting", name)
		}
		env[name] = *value
	}
	if env["SFU_PUBLIC_IP"] != "203.0.113.7" {
		t.Errorf("clients are told %q", env["SFU_PUBLIC_IP"])
	}
	if got, want := published(s), []string{env["SFU_MEDIA_PORT"] + "/tcp", env["SFU_MEDIA_PORT"] + "/udp"}; !slices.Equal(got, want) {
		t.Errorf("published %v, media needs %v", got, want)
	}
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
		t.Error("the container may do more than it needs")
	}
	if drain := duration(t, env["SFU_DRAIN_TIMEOUT"]); s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) < drain+5*time.Second {
		t.Errorf("killed after %v, a drain takes up to %v", s.StopGracePeriod, drain)
	}
	if told := duration(t, env[gracePeriod]+"s"); told != time.Duration(*s.StopGracePeriod) {
		t.Errorf("sfu doctor is told of %v, the container is killed after %v", told, s.StopGracePeriod)
	}
	for name := range s.Networks {
		if subnet := p.Networks[name].Ipam.Config[0].Subnet; subnet != env["SFU_TRUSTED_PROXIES"] {
			t.Errorf("the proxy is in %s, trusted is %s", subnet, env["SFU_TRUSTED_PROXIES"])
		}
	}
	if _, err := netip.ParsePrefix(env["SFU_TRUSTED_PROXIES"]); err != nil {
		t.Error(err)
	}
}

// published returns the ports of s that have the same number inside and outside.
func published(s types.ServiceConfig) []string {
	var all []string
	for _, p := range s.Ports {
		if target := strings.TrimSpace(p.Published); target != "" && p.HostIP == "" && target == strconv.Itoa(int(p.Target)) {
			all = append(all, target+"/"+p.Protocol)
		}
	}
	slices.Sort(all)
	return all
}

func TestComposeProxy(t *testing.T) {
	p := mustProject(t)
	caddy, server := p.Services["caddy"], p.Services["sfu"]
	target := "reverse_proxy sfu" + *server.Environment["SFU_LISTEN"]
	if !strings.Contains(read(t, "deploy/Caddyfile"), target+" {") {
		t.Errorf("the Caddyfile lacks %q", target)
	}
	if !strings.Contains(read(t, "deploy/Caddyfile"), "{$DOMAIN}") || *caddy.Environment["DOMAIN"] != "meet.example.org" {
		t.Error("the name of the site does not reach Caddy")
	}
	if got := published(caddy); !slices.Equal(got, []string{"443/tcp", "80/tcp"}) {
		t.Errorf("published %v", got)
	}
	if !maps.EqualFunc(caddy.Networks, server.Networks, func(a, b *types.ServiceNetworkConfig) bool { return true }) {
		t.Error("Caddy cannot reach the server")
	}
	mounted := ""
	for _, v := range caddy.Volumes {
		if v.Target == "/etc/caddy/Caddyfile" {
			mounted = filepath.Base(v.Source)
		}
	}
	if mounted != "Caddyfile" {
		t.Errorf("Caddy gets %q", mounted)
	}
}
