package deploy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func parseDockerfile(text string) ([]instructions.Stage, error) {
	result, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	if len(result.Warnings) > 0 {
		return nil, fmt.Errorf("warning: %v", result.Warnings[0].Short)
	}
	stages, _, err := instructions.Parse(result.AST, nil)
	return stages, err
}

// one returns the only command of type T in a stage.
func one[T instructions.Command](t *testing.T, s instructions.Stage) T {
	t.Helper()
	var found []T
	for _, c := range s.Commands {
		if c, ok := c.(T); ok {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d instructions of type %T", len(found), *new(T))
	}
	return found[0]
}

func TestDockerfile(t *testing.T) {
	stages, err := parseDockerfile(read(t, "deploy/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 {
		t.Fatalf("%d stages", len(stages))
	}
	checkBuildStage(t, stages[0])
	final := stages[1]
	if base := final.BaseName; !strings.Contains(base, "distroless/static") || !strings.HasSuffix(base, ":nonroot") {
		t.Errorf("the image is made from %s", base)
	}
	if user := one[*instructions.UserCommand](t, final).User; !regexp.MustCompile(`^[1-9]\d*(:[1-9]\d*)?$`).MatchString(user) {
		t.Errorf("the user is %s; engines can tell that a number is not root", user)
	}
	if entry := one[*instructions.EntrypointCommand](t, final); entry.PrependShell || !slices.Equal(entry.CmdLine, []string{"/sfu"}) {
		t.Errorf("entry point %v: there is no shell, and signals must arrive", entry)
	}
	if check := one[*instructions.HealthCheckCommand](t, final).Health; !slices.Equal(check.Test, []string{"CMD", "/sfu", "healthcheck"}) {
		t.Errorf("health check %v", check.Test)
	}
	port := strings.TrimPrefix(settings(t)["SFU_LISTEN"], ":")
	if ports := one[*instructions.ExposeCommand](t, final).Ports; !slices.Equal(ports, []string{port + "/tcp", port + "/udp"}) {
		t.Errorf("exposed %v, the server listens on %s", ports, port)
	}
}

func checkBuildStage(t *testing.T, s instructions.Stage) {
	t.Helper()
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	if !strings.HasPrefix(s.BaseName, "golang:"+version+"-") {
		t.Errorf("built with %s, go.mod wants %s", s.BaseName, version)
	}
	text := ""
	for _, c := range s.Commands {
		if run, ok := c.(*instructions.RunCommand); ok {
			text += strings.Join(run.CmdLine, " ")
		}
	}
	for _, want := range []string{"CGO_ENABLED=0", "-trimpath", "./cmd/sfu", "-X main.version="} {
		if !strings.Contains(text, want) {
			t.Errorf("the build lacks %s: %s", want, text)
		}
	}
}

// TestDockerignoreLetsTheSourcesThrough compares what the build needs with what the context holds.
func TestDockerignoreLetsTheSourcesThrough(t *testing.T) {
	lines := strings.Fields(read(t, "deploy/Dockerfile.dockerignore"))
	for _, want := range []string{"*", "!go.mod", "!go.sum", "!cmd", "!pkg", "!web", "**/node_modules"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestTheParserFindsMistakes(t *testing.T) {
	for _, text := range []string{"FROM scratch\nCOPPY a b\n", "FROM scratch\nHEALTHCHECK --intervall=1s CMD x\n", "RUN x\n"} {
		if _, err := parseDockerfile(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
