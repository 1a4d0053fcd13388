package live

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestClusterByHand does what docs/deploy.md says under "By hand, on one machine", with the ports that it names.
func TestClusterByHand(t *testing.T) {
	if os.Getenv("DEPLOY_CHECK") == "" {
		t.Skip("it takes ports that others may use; make deploy-check runs it")
	}
	need(t, "haproxy")
	binaries, err := filepath.Abs(filepath.Join(root, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	script := ""
	for _, block := range regexp.MustCompile("(?s)<!-- cluster -->\n```sh\n(.*?)```").FindAllStringSubmatch(read(t, "docs/deploy.md"), -1) {
		script += block[1]
	}
	if strings.Count(script, "&\n") != 4 {
		t.Fatalf("NATS, two nodes and HAProxy were expected:\n%s", script)
	}
	t.Cleanup(func() { _ = os.RemoveAll("/tmp/sfu-cluster") })
	c := exec.Command("sh", "-eu", "-c", script+"wait")
	c.Dir = root
	start(t, c)
	until(t, "the nodes do not find each other", func() error {
		output, err := exec.Command(filepath.Join(binaries, "sfu"), "nodes", "--admin", "http://127.0.0.1:9091").CombinedOutput()
		if err == nil && (!strings.Contains(string(output), "sfu-1") || !strings.Contains(string(output), "sfu-2")) {
			err = errors.New("a node is missing")
		}
		if err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return nil
	})
	get := func(path string) error {
		response, err := http.Get("http://127.0.0.1:8080" + path)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", path, response.Status)
		}
		return nil
	}
	until(t, "HAProxy does not find the nodes", func() error { return get("/readyz") })
	for _, path := range []string{"/", "/r/kitchen", "/v1/rooms/kitchen"} {
		for range 2 { // once for each node
			if err := get(path); err != nil {
				t.Error(err)
			}
		}
	}
}
