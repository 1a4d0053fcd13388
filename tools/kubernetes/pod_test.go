package kubernetes

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// pods are the templates of all workloads.
func pods(all []runtime.Object) []core.PodTemplateSpec {
	var found []core.PodTemplateSpec
	for _, d := range only[*apps.Deployment](all) {
		found = append(found, d.Spec.Template)
	}
	for _, d := range only[*apps.DaemonSet](all) {
		found = append(found, d.Spec.Template)
	}
	return found
}

func environment(p core.PodTemplateSpec) map[string]core.EnvVar {
	env := map[string]core.EnvVar{}
	for _, e := range p.Spec.Containers[0].Env {
		env[e.Name] = e
	}
	return env
}

func TestEveryPod(t *testing.T) {
	known := read(t, "docs/configuration.md")
	for name, text := range variants {
		all := pods(mustRender(t, text))
		if len(all) == 0 {
			t.Errorf("%s: no pods", name)
		}
		for _, p := range all {
			checkConfined(t, name, p)
			checkProbes(t, name, p)
			env := environment(p)
			for variable := range env {
				if strings.HasPrefix(variable, "SFU_") && !regexp.MustCompile(`\b`+variable+`\b`).MatchString(known) {
					t.Errorf("%s: %s is no setting", name, variable)
				}
			}
			if len(env) != len(p.Spec.Containers[0].Env) {
				t.Errorf("%s: a variable is there twice", name)
			}
			checkDrain(t, name, p, env)
			checkMediaPort(t, name, p, env)
			checkFiles(t, name, p, env)
		}
	}
}

func checkConfined(t *testing.T, name string, p core.PodTemplateSpec) {
	t.Helper()
	s, c := p.Spec.SecurityContext, p.Spec.Containers[0].SecurityContext
	if !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault || !*c.ReadOnlyRootFilesystem ||
		*c.AllowPrivilegeEscalation || len(c.Capabilities.Drop) != 1 || c.Capabilities.Drop[0] != "ALL" || *p.Spec.AutomountServiceAccountToken {
		t.Errorf("%s: the pod may do more than it needs", name)
	}
	if *p.Spec.EnableServiceLinks {
		t.Errorf("%s: Kubernetes sets variables that the server does not know", name)
	}
}

func checkProbes(t *testing.T, name string, p core.PodTemplateSpec) {
	t.Helper()
	c := p.Spec.Containers[0]
	if c.LivenessProbe.HTTPGet.Path != "/livez" || c.StartupProbe.HTTPGet.Path != "/livez" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Errorf("%s: a probe asks the wrong question", name)
	}
	for _, probe := range []*core.Probe{c.LivenessProbe, c.StartupProbe, c.ReadinessProbe} {
		if !hasPort(c.Ports, probe.HTTPGet.Port.StrVal) {
			t.Errorf("%s: a probe asks port %s", name, probe.HTTPGet.Port.StrVal)
		}
	}
}

func checkDrain(t *testing.T, name string, p core.PodTemplateSpec, env map[string]core.EnvVar) {
	t.Helper()
	var whole time.Duration
	for _, variable := range []string{"SFU_DRAIN_TIMEOUT", "SFU_DRAIN_LB_DELAY"} {
		d, err := time.ParseDuration(env[variable].Value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		whole += d
	}
	if grace := time.Duration(*p.Spec.TerminationGracePeriodSeconds) * time.Second; grace < whole+10*time.Second {
		t.Errorf("%s: killed after %v, a drain takes up to %v", name, grace, whole)
	} else if told := env["TERMINATION_GRACE_PERIOD_SECONDS"].Value; told != strconv.Itoa(int(grace.Seconds())) {
		t.Errorf("%s: sfu doctor is told of %s, the pod is killed after %v", name, told, grace)
	}
	looks := p.Spec.Containers[0].ReadinessProbe
	if delay, err := time.ParseDuration(env["SFU_DRAIN_LB_DELAY"].Value); err != nil || delay < time.Duration(looks.PeriodSeconds*looks.FailureThreshold)*time.Second {
		t.Errorf("%s: nobody has noticed the drain after %v", name, delay)
	}
}

func checkMediaPort(t *testing.T, name string, p core.PodTemplateSpec, env map[string]core.EnvVar) {
	t.Helper()
	protocols := map[core.Protocol]bool{}
	for _, port := range p.Spec.Containers[0].Ports {
		if strings.HasPrefix(port.Name, "media-") {
			protocols[port.Protocol] = true
			if port.HostPort != port.ContainerPort || env["SFU_MEDIA_PORT"].Value != "7882" || port.HostPort != 7882 {
				t.Errorf("%s: media has the port %d inside and %d outside", name, port.ContainerPort, port.HostPort)
			}
		} else if port.HostPort != 0 && !p.Spec.HostNetwork {
			t.Errorf("%s: %s can be reached from outside", name, port.Name)
		}
	}
	if !protocols[core.ProtocolUDP] || len(protocols) != 2 {
		t.Errorf("%s: media over %v", name, protocols)
	}
}

// checkFiles looks whether each file that a setting names is mounted.
func checkFiles(t *testing.T, name string, p core.PodTemplateSpec, env map[string]core.EnvVar) {
	t.Helper()
	mounts := map[string]string{}
	for _, m := range p.Spec.Containers[0].VolumeMounts {
		mounts[m.Name] = m.MountPath
	}
	if len(mounts) != len(p.Spec.Volumes) {
		t.Errorf("%s: volumes %v, mounts %v", name, p.Spec.Volumes, mounts)
	}
	for variable, e := range env {
		if !strings.HasPrefix(e.Value, "/") {
			continue
		}
		inside := false
		for _, path := range mounts {
			inside = inside || strings.HasPrefix(e.Value, path+"/")
		}
		if !inside {
			t.Errorf("%s: %s is %s, where nothing is mounted", name, variable, e.Value)
		}
	}
}

func TestClientsAreToldAnAddress(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "status.hostIP",
		variants["one address"]: "203.0.113.1,2001:db8::1",
		variants["daemon set"]:  "",
	} {
		e := environment(pods(mustRender(t, text))[0])["SFU_PUBLIC_IP"]
		got := e.Value
		if e.ValueFrom != nil {
			got = e.ValueFrom.FieldRef.FieldPath
		}
		if got != want {
			t.Errorf("%q: clients are told %q, want %q", text, got, want)
		}
	}
	all := pods(mustRender(t, variants["machines"]))
	if len(all) != 2 {
		t.Fatalf("%d machines", len(all))
	}
	for i, want := range []string{"203.0.113.1", "203.0.113.2/10.0.0.2"} {
		host := all[i].Spec.NodeSelector["kubernetes.io/hostname"]
		if got := environment(all[i])["SFU_PUBLIC_IP"].Value; got != want || host != []string{"a.example.org", "b.example.org"}[i] {
			t.Errorf("on %s clients are told %s", host, got)
		}
	}
}

func TestOnePodPerMachine(t *testing.T) {
	d := one[*apps.Deployment](t, mustRender(t, "{replicas: 2, nats: {url: 'nats://n'}}"))
	terms := d.Spec.Template.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if terms[0].TopologyKey != "kubernetes.io/hostname" || len(terms[0].LabelSelector.MatchLabels) == 0 {
		t.Errorf("two pods may come to one machine: %v", terms)
	}
	for key, value := range terms[0].LabelSelector.MatchLabels {
		if d.Spec.Template.Labels[key] != value || d.Spec.Selector.MatchLabels[key] != value {
			t.Errorf("the label %s does not match", key)
		}
	}
	if update := d.Spec.Strategy.RollingUpdate; update.MaxSurge.IntValue() != 0 || update.MaxUnavailable.IntValue() != 1 {
		t.Errorf("a new pod would wait for a port that the old one has: %v", update)
	}
	for name, text := range variants {
		for _, d := range only[*apps.Deployment](mustRender(t, text)) {
			if *d.Spec.ProgressDeadlineSeconds <= int32(*d.Spec.Template.Spec.TerminationGracePeriodSeconds) {
				t.Errorf("%s: a drain looks like an update that hangs", name)
			}
		}
	}
	if budgets := only[*policy.PodDisruptionBudget](mustRender(t, variants["daemon set"])); len(budgets) != 0 {
		t.Error("a budget for a DaemonSet, which Kubernetes cannot count")
	}
}

func TestPolicyKeepsPrivatePortsPrivate(t *testing.T) {
	p := one[*networking.NetworkPolicy](t, mustRender(t, everything))
	from := map[string]int{}
	for _, rule := range p.Spec.Ingress {
		for _, port := range rule.Ports {
			from[port.Port.StrVal] = len(rule.From)
		}
	}
	for port, open := range map[string]bool{"media-udp": true, "media-tcp": true, "cluster": false, "admin": false, "http": false} {
		peers, there := from[port]
		if !there || (peers == 0) != open {
			t.Errorf("%s may be reached by %d peers", port, peers)
		}
	}
	if none := only[*networking.NetworkPolicy](mustRender(t, variants["daemon set"])); len(none) != 0 {
		t.Error("a policy for pods that it does not reach gives a wrong feeling")
	}
}
