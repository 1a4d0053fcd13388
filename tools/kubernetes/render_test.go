package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const (
	root  = "../../"
	chart = root + "deploy/helm/sfu"
)

// values are what --set and --values give.
type values = map[string]any

// parse reads values as YAML.
func parse(t *testing.T, text string) values {
	t.Helper()
	v := values{}
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// render does what helm template does with the release sfu in the namespace sfu. Notes are what helm install prints.
func render(v values) (manifests, notes string, err error) {
	c, err := loader.LoadDir(chart)
	if err != nil {
		return "", "", err
	}
	release := chartutil.ReleaseOptions{Name: "sfu", Namespace: "sfu", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, v, release, chartutil.DefaultCapabilities)
	if err != nil {
		return "", "", err
	}
	files, err := engine.Engine{Strict: true}.Render(c, all)
	if err != nil {
		return "", "", err
	}
	notes = files["sfu/templates/NOTES.txt"]
	delete(files, "sfu/templates/NOTES.txt")
	_, sorted, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return "", "", err
	}
	var text strings.Builder
	for _, m := range sorted {
		fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", m.Name, strings.TrimSpace(m.Content))
	}
	return text.String(), notes, nil
}

// objects decodes manifests; a field that Kubernetes does not know is an error.
func objects(manifests string) ([]runtime.Object, error) {
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	var all []runtime.Object
	// What stands before the first separator is a comment, or nothing.
	for _, document := range strings.Split("\n"+manifests, "\n---\n")[1:] {
		o, _, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			return nil, fmt.Errorf("%w in:\n%s", err, document)
		}
		all = append(all, o)
	}
	return all, nil
}

// mustRender returns what the values make, decoded.
func mustRender(t *testing.T, text string) []runtime.Object {
	t.Helper()
	manifests, _, err := render(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	all, err := objects(manifests)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// only returns the objects of type T.
func only[T runtime.Object](all []runtime.Object) []T {
	var found []T
	for _, o := range all {
		if o, ok := o.(T); ok {
			found = append(found, o)
		}
	}
	return found
}

// one returns the only object of type T.
func one[T runtime.Object](t *testing.T, all []runtime.Object) T {
	t.Helper()
	found := only[T](all)
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T", len(found), *new(T))
	}
	return found[0]
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
