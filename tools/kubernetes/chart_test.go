package kubernetes

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

func init() {
	if err := monitoring.AddToScheme(scheme.Scheme); err != nil {
		panic(err)
	}
}

var update = flag.Bool("update", false, "write what deploy/kubernetes should say")

// TestManifestsAreWhatTheChartRenders keeps deploy/kubernetes equal to the chart; go test -run Manifests -update writes it.
func TestManifestsAreWhatTheChartRenders(t *testing.T) {
	const file = "deploy/kubernetes/sfu.yaml"
	rendered, _, err := render(parse(t, read(t, "deploy/kubernetes/values.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	rendered = "# Rendered from deploy/helm/sfu with values.yaml, which lies beside this. Change these.\n" + rendered
	if *update {
		if err := os.WriteFile(filepath.Join(root, file), []byte(rendered), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, file) != rendered {
		t.Errorf("%s is not what the chart renders; go test -run Manifests -update writes it", file)
	}
	all, err := objects(rendered)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []int{len(only[*apps.Deployment](all)), len(only[*core.Service](all)), len(only[*networking.Ingress](all)),
		len(only[*networking.NetworkPolicy](all)), len(only[*policy.PodDisruptionBudget](all))} {
		if kind != 1 {
			t.Errorf("an object is missing or there twice: %d", kind)
		}
	}
}

func TestChartHasNothingToLint(t *testing.T) {
	for _, message := range lint.All(chart, values{}, "sfu", true).Messages {
		// An icon is for catalogues of charts.
		if message.Severity >= support.WarningSev {
			t.Error(message)
		}
	}
}

// everything turns all on that can be on together.
const everything = `
replicas: 3
nats: {secretName: nats, keys: [url, creds, ca.crt, tls.crt, tls.key]}
auth: {secretName: keys}
trustedProxies: [10.0.0.0/8, "fd00::/8"]
settings: {SFU_MAX_ROOMS: "50"}
extraEnv: [{name: SFU_TURN_SECRET, valueFrom: {secretKeyRef: {name: turn, key: secret}}}]
ingress: {enabled: true, host: meet.example.org, tlsSecretName: tls, className: nginx}
autoscaling: {enabled: true}
podMonitor: {enabled: true, labels: {release: prometheus}}
prometheusRule: {enabled: true, runbookPrefix: "https://example.org/sfu/"}
dashboards: {enabled: true}
imagePullSecrets: [{name: registry}]
podAnnotations: {a: b}
podLabels: {c: d}
nodeSelector: {pool: media}
tolerations: [{key: media, operator: Exists}]
priorityClassName: high
networkPolicy: {httpFrom: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}}]}
`

// variants are the ways to run it that differ in what is rendered.
var variants = map[string]string{
	"nothing set": "",
	"everything":  everything,
	"daemon set":  "{workload: DaemonSet, network: hostNetwork, publicIP: {hostIP: false}, nats: {url: 'nats://nats:4222'}}",
	"machines":    "{nodes: [{name: a.example.org, publicIP: 203.0.113.1}, {name: b.example.org, publicIP: 203.0.113.2/10.0.0.2}], nats: {url: 'nats://nats:4222'}}",
	"one address": "{publicIP: {addresses: [203.0.113.1, '2001:db8::1']}}",
	"least":       "{podDisruptionBudget: {enabled: false}, networkPolicy: {enabled: false}, goMemoryLimit: '', resources: {}}",
}

func TestEveryVariantIsKnownToKubernetes(t *testing.T) {
	for name, text := range variants {
		manifests, notes, err := render(parse(t, text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := objects(manifests); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(notes, "sfu doctor") || strings.Contains(notes, "<no value>") || strings.Contains(manifests, "<no value>") {
			t.Errorf("%s: the notes are not right:\n%s", name, notes)
		}
	}
}

func TestChartRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"{terminationGracePeriodSeconds: 605}": "killed in the middle of a drain",
		"{drain: {timeoutSeconds: 900}}":       "killed in the middle of a drain",
		"{replicas: 2}":                        "needs nats.url",
		"{workload: DaemonSet}":                "needs nats.url",
		"{autoscaling: {enabled: true}}":       "needs nats.url",
		"{publicIP: {hostIP: false}}":          "inside a pod nobody can know it",
		"{replicas: 2, nats: {url: 'nats://n'}, publicIP: {addresses: [203.0.113.1]}}":              "would send their media to the wrong one",
		"{workload: DaemonSet, nats: {url: 'nats://n'}, autoscaling: {enabled: true}}":              "as many pods as machines",
		"{workload: DaemonSet, nats: {url: 'nats://n'}, nodes: [{name: a, publicIP: 203.0.113.1}]}": "exclude each other",
		"{nats: {url: 'nats://n', secretName: nats, keys: [url]}}":                                  "exclude each other",
		"{nats: {url: 'nats://n', keys: [creds]}}":                                                  "needs nats.secretName",
		"{ingress: {enabled: true}}":                                                                "ingress.host is missing",
		"{settings: {GOGC: '100'}}":                                                                 "does not begin with SFU_",
		// What the schema finds.
		"{replica: 2}":                               "replica",
		"{replicas: two}":                            "replicas",
		"{workload: StatefulSet}":                    "workload",
		"{network: bridge}":                          "network",
		"{ports: {media: 70000}}":                    "media",
		"{publicIP: {addresses: [sfu.example.org]}}": "addresses",
		"{nats: {url: 'redis://n'}}":                 "url",
		"{settings: {SFU_MAX_ROOMS: 50}}":            "SFU_MAX_ROOMS",
		"{nodes: [{name: a}]}":                       "publicIP",
		"{cluster: {secretName: ''}}":                "secretName",
		"{autoscaling: {targetLoad: much}}":          "targetLoad",
	} {
		if _, _, err := render(parse(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestDecodingFindsMistakes(t *testing.T) {
	for _, text := range []string{
		"---\napiVersion: apps/v1\nkind: Deployment\nspec: {replica: 3}\n",
		"---\napiVersion: apps/v9\nkind: Deployment\n",
		"---\napiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nspec: {selectors: {}}\n",
	} {
		if _, err := objects(text); err == nil {
			t.Errorf("accepted: %s", text)
		}
	}
}

func TestScalingGoesByTheLoad(t *testing.T) {
	all := mustRender(t, everything)
	hpa := one[*autoscaling.HorizontalPodAutoscaler](t, all)
	d := one[*apps.Deployment](t, all)
	if d.Spec.Replicas != nil {
		t.Error("the deployment says how many pods there are as well")
	}
	if hpa.Spec.ScaleTargetRef.Kind != "Deployment" || hpa.Spec.ScaleTargetRef.Name != d.Name {
		t.Errorf("it scales %v", hpa.Spec.ScaleTargetRef)
	}
	m := hpa.Spec.Metrics[0].Pods.Metric
	if m.Name != "sfu_load_ratio" || m.Selector.MatchLabels["resource"] != "score" || !strings.Contains(read(t, "docs/metrics.md"), m.Name) {
		t.Errorf("it scales by %s %v", m.Name, m.Selector)
	}
	if !strings.Contains(read(t, "deploy/helm/prometheus-adapter-values.yaml"), "as: "+m.Name) {
		t.Error("the adapter does not offer the metric")
	}
	down := hpa.Spec.Behavior.ScaleDown
	if down.Policies[0].Value != 1 || down.Policies[0].PeriodSeconds < 600 || *down.StabilizationWindowSeconds < 600 {
		t.Errorf("nodes are taken away too fast: %v", down)
	}
	if b := one[*policy.PodDisruptionBudget](t, all); b.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("%v nodes may be emptied at a time", b.Spec.MaxUnavailable)
	}
}

func TestMonitoringIsThatOfTheFiles(t *testing.T) {
	all := mustRender(t, everything)
	m := one[*monitoring.PodMonitor](t, all)
	if m.Spec.JobLabel != "app.kubernetes.io/name" || m.Labels["release"] != "prometheus" {
		t.Errorf("the job would be called otherwise: %v", m.Spec)
	}
	d := one[*apps.Deployment](t, all)
	if port := d.Spec.Template.Spec.Containers[0].Ports; !hasPort(port, *m.Spec.PodMetricsEndpoints[0].Port) {
		t.Errorf("it asks a port that is not there")
	}
	alerts := 0
	for _, g := range one[*monitoring.PrometheusRule](t, all).Spec.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			alerts++
			if !strings.HasPrefix(r.Annotations["runbook_url"], "https://example.org/sfu/docs/runbook.md#") {
				t.Errorf("%s leads to %s", r.Alert, r.Annotations["runbook_url"])
			}
		}
	}
	if want := strings.Count(read(t, "deploy/prometheus/alerts.yml"), "- alert: "); alerts != want {
		t.Errorf("%d alerts, the file has %d", alerts, want)
	}
	boards := one[*core.ConfigMap](t, all).Data
	for _, name := range []string{"overview", "node", "rooms", "cluster"} {
		if strings.TrimSpace(boards["sfu-"+name+".json"]) != strings.TrimSpace(read(t, "deploy/grafana/dashboards/"+name+".json")) {
			t.Errorf("the dashboard %s is another than that of the file", name)
		}
	}
}

func hasPort(ports []core.ContainerPort, name string) bool {
	for _, p := range ports {
		if p.Name == name {
			return true
		}
	}
	return false
}
