package live

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A balancer starts one in front of two nodes and returns its address.
type balancer func(t *testing.T, first, second *node, env ...string) string

func haproxy(t *testing.T, first, second *node, env ...string) string {
	t.Helper()
	path, address := need(t, "haproxy"), freeAddress(t)
	c := exec.Command(path, "-db", "-f", filepath.Join(root, "deploy/haproxy/haproxy.cfg"))
	c.Env = append(os.Environ(), append(env, "BIND="+address, "NODE_1="+first.address(), "NODE_2="+second.address())...)
	start(t, c)
	return listening(t, address)
}

func nginx(t *testing.T, first, second *node, _ ...string) string {
	t.Helper()
	path, address, directory := need(t, "nginx"), freeAddress(t), t.TempDir()
	config := strings.NewReplacer("/run/nginx.pid", filepath.Join(directory, "nginx.pid"), "listen 80;", "listen "+address+";",
		"sfu-1:8080", first.address(), "sfu-2:8080", second.address()).Replace(read(t, "deploy/nginx/nginx.conf"))
	file := filepath.Join(directory, "nginx.conf")
	if err := os.WriteFile(file, []byte("daemon off;\n"+config), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(path, "-t", "-c", file, "-e", "stderr").CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, output)
	}
	start(t, exec.Command(path, "-c", file, "-e", "stderr"))
	return listening(t, address)
}

func caddy(t *testing.T, first, second *node, _ ...string) string {
	t.Helper()
	path, address, directory := need(t, "caddy"), freeAddress(t), t.TempDir()
	// Debian's Caddy does not have stream_close_delay yet.
	config := strings.NewReplacer("stream_close_delay 5m", "", "sfu-1:8080", first.address(), "sfu-2:8080", second.address()).
		Replace(read(t, "deploy/caddy/Caddyfile.cluster"))
	file := filepath.Join(directory, "Caddyfile")
	if err := os.WriteFile(file, []byte("{\n\tadmin off\n}\n"+config), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	c := exec.Command(path, "run", "--config", file, "--adapter", "caddyfile")
	c.Env = append(os.Environ(), "HOME="+directory, "DOMAIN=:"+port)
	start(t, c)
	return listening(t, address)
}

// direct follows no redirect.
var direct = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func listening(t *testing.T, address string) string {
	t.Helper()
	until(t, "the balancer does not answer", func() error {
		response, err := direct.Get("http://" + address + "/")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode >= http.StatusInternalServerError {
			return errors.New(response.Status)
		}
		return nil
	})
	return address
}

func eachBalancer(t *testing.T, test func(t *testing.T, start balancer)) {
	for name, start := range map[string]balancer{"haproxy": haproxy, "nginx": nginx, "caddy": caddy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start)
		})
	}
}

func TestHAProxyConfiguration(t *testing.T) {
	path := need(t, "haproxy")
	for _, env := range [][]string{nil, {"TLS_PEM=" + certificate(t)}} {
		c := exec.Command(path, "-c", "-f", filepath.Join(root, "deploy/haproxy/haproxy.cfg"))
		// Names of containers are not known here.
		c.Env = append(os.Environ(), append(env, "NODE_1=127.0.0.1:1", "NODE_2=127.0.0.1:2")...)
		output, err := c.CombinedOutput()
		if err != nil || strings.Contains(string(output), "[WARNING]") || strings.Contains(string(output), "[ALERT]") {
			t.Errorf("%v with %v:\n%s", err, env, output)
		}
	}
}

func TestSocketsAreSpread(t *testing.T) {
	eachBalancer(t, func(t *testing.T, start balancer) {
		address := start(t, startNode(t, "one"), startNode(t, "two"))
		until(t, "sockets are not spread", func() error {
			counts := map[string]int{}
			for range 10 {
				s, err := openSocket(address)
				if err != nil {
					return err
				}
				counts[s.node]++
				if err := errors.Join(s.works(), s.Close()); err != nil {
					return err
				}
			}
			if counts["one"] != 5 || counts["two"] != 5 {
				return fmt.Errorf("%v", counts)
			}
			return nil
		})
	})
}

// on opens sockets until one is on the node.
func on(t *testing.T, address, node string) *socket {
	t.Helper()
	var found *socket
	until(t, "no socket gets to "+node, func() error {
		s, err := openSocket(address)
		if err != nil {
			return err
		}
		if s.node != node {
			return errors.Join(errors.New("it is on "+s.node), s.Close())
		}
		found = s
		return nil
	})
	t.Cleanup(func() { _ = found.Close() })
	return found
}

// TestADrainMovesNewSocketsOnly is not for nginx, which does not look at /readyz.
func TestADrainMovesNewSocketsOnly(t *testing.T) {
	for name, start := range map[string]balancer{"haproxy": haproxy, "caddy": caddy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drain(t, start)
		})
	}
}

func drain(t *testing.T, start balancer) {
	t.Helper()
	first, second := startNode(t, "one"), startNode(t, "two")
	address := start(t, first, second)
	old := on(t, address, "one")
	first.notReady.Store(true)
	onlyTo(t, address, "two")
	if err := old.works(); err != nil {
		t.Errorf("a socket of the node that drains: %v", err)
	}
	first.notReady.Store(false)
	on(t, address, "one")
}

// onlyTo waits until ten sockets in a row get to the node.
func onlyTo(t *testing.T, address, node string) {
	t.Helper()
	until(t, "sockets still get to another than "+node, func() error {
		for range 10 {
			s, err := openSocket(address)
			if err != nil {
				return err
			}
			_ = s.Close()
			if s.node != node {
				return errors.New("one is on " + s.node)
			}
		}
		return nil
	})
}

func TestADeadNodeIsPassedOver(t *testing.T) {
	eachBalancer(t, func(t *testing.T, start balancer) {
		first, second := startNode(t, "one"), startNode(t, "two")
		address := start(t, first, second)
		first.Close()
		for range 20 {
			s, err := openSocket(address)
			if err != nil {
				t.Fatalf("somebody was turned away: %v", err)
			}
			if err := errors.Join(s.works(), s.Close()); err != nil || s.node != "two" {
				t.Fatalf("on %s: %v", s.node, err)
			}
		}
	})
}

// TestASilentSocketStays waits longer than all timeouts for requests: 30 s in HAProxy's file, 60 s in nginx unless it is told otherwise.
func TestASilentSocketStays(t *testing.T) {
	if os.Getenv("DEPLOY_CHECK") == "" {
		t.Skip("it takes 75 s; make deploy-check runs it")
	}
	eachBalancer(t, func(t *testing.T, start balancer) {
		s, err := openSocket(start(t, startNode(t, "one"), startNode(t, "two")))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		_ = s.SetDeadline(time.Now().Add(75 * time.Second))
		if _, err := s.in.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("it was cut: %v", err)
		}
		if err := s.works(); err != nil {
			t.Error(err)
		}
	})
}

func get(t *testing.T, client *http.Client, url string, header http.Header) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	request.Host = "meet.example.org"
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// forged is what somebody sends who would like to be another.
var forged = http.Header{
	"X-Forwarded-For":   {"203.0.113.99", "198.51.100.1, 192.0.2.1"},
	"X-Forwarded-Host":  {"evil.example.org"},
	"X-Forwarded-Proto": {"gopher"},
	"Forwarded":         {"for=203.0.113.99"},
}

// checkForwarded looks at what a node was told.
func checkForwarded(t *testing.T, told, proto string) {
	t.Helper()
	lines := strings.Split(strings.ReplaceAll(told, "\r", ""), "\n")
	for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "meet.example.org", "X-Forwarded-Proto": proto} {
		var got []string
		for _, line := range lines {
			if value, found := strings.CutPrefix(line, name+": "); found {
				got = append(got, value)
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
	if strings.Contains(told, "203.0.113.99") || strings.Contains(told, "evil") || lines[1] != "meet.example.org" {
		t.Errorf("what the client forged got through:\n%s", told)
	}
}

func TestForwardedHeadersAreTheBalancers(t *testing.T) {
	eachBalancer(t, func(t *testing.T, start balancer) {
		address := start(t, startNode(t, "one"), startNode(t, "two"))
		status, told := get(t, http.DefaultClient, "http://"+address+"/r/kitchen", forged.Clone())
		if status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		checkForwarded(t, told, "http")
		if status, body := get(t, http.DefaultClient, "http://"+address+"/metrics", http.Header{}); status != http.StatusNotFound {
			t.Errorf("metrics for everyone: %d %s", status, body)
		}
	})
}

func TestHAProxySpeaksTLS(t *testing.T) {
	secure := freeAddress(t)
	address := haproxy(t, startNode(t, "one"), startNode(t, "two"), "TLS_PEM="+certificate(t), "TLS_BIND="+secure)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	status, told := get(t, client, "https://"+secure+"/r/kitchen", forged.Clone())
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	checkForwarded(t, told, "https")
	if status, _ := get(t, direct, "http://"+address+"/r/kitchen", http.Header{}); status != http.StatusPermanentRedirect {
		t.Errorf("plain HTTP is answered with %d", status)
	}
}
