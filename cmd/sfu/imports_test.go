package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is the picture in docs/architecture.md: which of our packages each may import, in what is not a test. A package that is not
// listed must not exist.
var mayImport = map[string][]string{
	// leaves
	"pkg/address":      {},
	"pkg/auth":         {},
	"pkg/bandwidth":    {},
	"pkg/certificate":  {},
	"pkg/cluster/mesh": {},
	"pkg/codec":        {},
	"pkg/link":         {},
	"pkg/polling":      {},
	"pkg/portmux":      {},
	"pkg/speaker":      {},
	"pkg/srtp":         {},
	"pkg/turn":         {},
	"pkg/udp":          {},
	"web":              {},

	"pkg/signaling/protocol": {},
	"pkg/cluster/ownership":  {},
	"pkg/cluster/engine":     {},
	"web/e2e/page/serve":     {"web"}, // the page alone, for looking at it

	"pkg/forwarder": {"pkg/codec", "pkg/bandwidth"},
	"pkg/transport": {"pkg/forwarder", "pkg/codec", "pkg/address", "pkg/srtp", "pkg/udp"},
	"pkg/room":      {"pkg/forwarder", "pkg/codec", "pkg/speaker", "pkg/auth"},
	"pkg/signaling": {"pkg/signaling/protocol", "pkg/transport", "pkg/room", "pkg/auth", "pkg/forwarder", "pkg/codec", "pkg/turn"},
	"pkg/whip":      {"pkg/transport", "pkg/room", "pkg/auth", "pkg/forwarder", "pkg/codec"},
	"pkg/cluster":   {"pkg/cluster/ownership", "pkg/cluster/engine", "pkg/cluster/mesh"},
	"pkg/metrics":   {"pkg/cluster", "pkg/cluster/ownership", "pkg/cluster/engine", "pkg/auth", "pkg/signaling", "pkg/transport", "pkg/room", "pkg/forwarder", "pkg/codec", "pkg/portmux"}, // for their Stats

	// Clients: they speak the protocol from outside and share no code with the server but its types.
	"pkg/synthetic": {"pkg/codec"},
	"pkg/reception": {"pkg/codec", "pkg/synthetic"},
	"pkg/client":    {"pkg/signaling/protocol", "pkg/codec", "pkg/synthetic", "pkg/reception"},
	"pkg/load":      {"pkg/signaling/protocol", "pkg/codec", "pkg/synthetic", "pkg/reception", "pkg/client", "pkg/link", "pkg/polling"},

	"pkg/doctor": {"pkg/signaling/protocol", "pkg/address", "pkg/certificate", "pkg/udp", "pkg/synthetic", "pkg/reception", "pkg/client"},

	// The baseline shares nothing with the server, so that it stays what it is.
	"internal/plainsfu":          {"internal/plainsfu/baseline"},
	"internal/plainsfu/baseline": {"pkg/signaling/protocol", "pkg/codec"},
	"internal/bench":             {"pkg/load"}, // for its Result

	// Whole clusters, from outside as well.
	"internal/clustertest": {"pkg/signaling/protocol", "pkg/synthetic", "pkg/reception", "pkg/client"},

	"cmd/sfu":     {"*"},
	"pkg/sfutest": {"*"},
}

// onlyTests are packages that nothing but tests imports.
var onlyTests = []string{"pkg/sfutest", "cmd/sfu"}

// mayNotDependOn keeps what is heavy or foreign out of packages, also by way of others. The keys are beginnings of import paths.
var mayNotDependOn = map[string][]string{
	"github.com":                   {"pkg/srtp", "pkg/cluster/mesh"}, // the standard library is all they may use
	"golang.org":                   {"pkg/srtp", "pkg/cluster/mesh"},
	"github.com/pion/webrtc":       {"pkg/address", "pkg/auth", "pkg/bandwidth", "pkg/codec", "pkg/forwarder", "pkg/link", "pkg/polling", "pkg/portmux", "pkg/reception", "pkg/room", "pkg/signaling", "pkg/speaker", "pkg/synthetic", "pkg/transport", "pkg/turn", "pkg/udp", "web"},
	"github.com/pion/interceptor":  {"pkg/bandwidth", "pkg/codec", "pkg/forwarder", "pkg/room", "pkg/udp"},
	"github.com/gorilla/websocket": {"pkg/auth", "pkg/forwarder", "pkg/room", "pkg/transport", "pkg/udp"},
	"github.com/prometheus":        {"pkg/auth", "pkg/forwarder", "pkg/room", "pkg/signaling", "pkg/transport", "pkg/udp"},
	"net/http":                     {"pkg/address", "pkg/auth", "pkg/bandwidth", "pkg/codec", "pkg/forwarder", "pkg/room", "pkg/speaker", "pkg/srtp", "pkg/udp"},
	"golang.org/x/net":             {"pkg/udp"}, // its batches allocate an address per datagram
	"testing":                      {"cmd/sfu"},
	"go.uber.org/goleak":           {"cmd/sfu"},
}

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// short returns the path of one of our packages as the tables write it, "" for others'.
func short(path string) string {
	rest, ours := strings.CutPrefix(path, "sfu/")
	if !ours {
		return ""
	}
	return rest
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "sfu/...")
	output, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p goPackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImports(t *testing.T) {
	for _, p := range listPackages(t) {
		name := short(p.ImportPath)
		allowed, listed := mayImport[name]
		if !listed {
			t.Errorf("%s is not in the table of packages", name)
			continue
		}
		for _, path := range p.Imports {
			imported := short(path)
			if imported == "" {
				continue
			}
			if !slices.Contains(allowed, imported) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s", name, imported)
			}
			if slices.Contains(onlyTests, imported) {
				t.Errorf("%s imports %s outside of a test", name, imported)
			}
		}
		checkForeign(t, name, p.Deps)
	}
}

func checkForeign(t *testing.T, name string, dependencies []string) {
	t.Helper()
	for foreign, barred := range mayNotDependOn {
		if !slices.Contains(barred, name) {
			continue
		}
		for _, d := range dependencies {
			if d == foreign || strings.HasPrefix(d, foreign+"/") {
				t.Errorf("%s depends on %s", name, d)
			}
		}
	}
}

// TestImportTableIsADAG keeps the table itself free of circles.
func TestImportTableIsADAG(t *testing.T) {
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		if slices.Contains(path, name) {
			t.Fatalf("circle: %v", append(path, name))
		}
		for _, next := range mayImport[name] {
			if next != "*" {
				visit(next, append(path, name))
			}
		}
	}
	for name := range mayImport {
		visit(name, nil)
	}
}
