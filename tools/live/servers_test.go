package live

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	root = "../../"
	// wait bounds everything that happens within seconds on a machine that is not busy.
	wait = time.Minute
)

// need returns the path of a program.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
		return path
	case os.Getenv("DEPLOY_CHECK") != "":
		t.Fatalf("%s is not installed", program)
	default:
		t.Skipf("%s is not installed", program)
	}
	return ""
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// start runs a program until the end of the test. Its output is shown if the test fails.
func start(t *testing.T, c *exec.Cmd) {
	t.Helper()
	var output strings.Builder
	c.Stdout, c.Stderr = &output, &output
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
		force := time.AfterFunc(10*time.Second, func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
		_ = c.Wait()
		force.Stop()
		if t.Failed() {
			t.Logf("%s:\n%s", c.Path, output.String())
		}
	})
}

// nextPort is below the ports that systems give to connections, which would come and go between the look and the use.
var nextPort = func() *atomic.Int32 {
	var port atomic.Int32
	port.Store(20000 + int32(os.Getpid()%10000))
	return &port
}()

// freeAddress is one that nobody listens on, and that no other test gets.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		port := nextPort.Add(1)
		if l, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("127.0.0.1:%d", port)
		} else if port > 32000 {
			t.Fatal(err)
		}
	}
}

// A node stands for a server behind a balancer: it answers every request with its name and the headers that it got, and every WebSocket with
// what comes.
type node struct {
	*httptest.Server
	name     string
	notReady atomic.Bool
}

func startNode(t *testing.T, name string) *node {
	t.Helper()
	n := &node{name: name}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if n.notReady.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "secrets") })
	mux.HandleFunc("GET /v1/rooms/{room}/signal", n.echo)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s\n%s\n", n.name, r.Host)
		_ = r.Header.Write(w)
	})
	n.Server = httptest.NewServer(mux)
	t.Cleanup(n.Close)
	return n
}

// acceptGUID is that of RFC 6455, section 1.3.
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// echo takes the upgrade of RFC 6455, whose accept HAProxy compares with the key, without its frames, which balancers do not look at.
func (n *node) echo(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || !strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade") {
		http.Error(w, "no WebSocket", http.StatusBadRequest)
		return
	}
	c, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + acceptGUID))
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\nSfu-Node: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(accept[:]), n.name)
	_, _ = io.Copy(c, buffered)
}

func (n *node) address() string { return n.Listener.Addr().String() }

// A socket is what a browser has after the upgrade.
type socket struct {
	net.Conn
	in   *bufio.Reader
	node string
}

// openSocket opens a WebSocket through the balancer at address.
func openSocket(address string) (*socket, error) {
	c, err := net.DialTimeout("tcp", address, wait)
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: c, in: bufio.NewReader(c)}
	_ = c.SetDeadline(time.Now().Add(wait))
	fmt.Fprintf(c, "GET /v1/rooms/kitchen/signal HTTP/1.1\r\nHost: meet.example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	response, err := http.ReadResponse(s.in, nil)
	if err == nil && response.StatusCode != http.StatusSwitchingProtocols {
		err = errors.New(response.Status)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s.node = response.Header.Get("Sfu-Node")
	return s, nil
}

// works reports why the socket does not carry a word there and back.
func (s *socket) works() error {
	_ = s.SetDeadline(time.Now().Add(wait))
	if _, err := io.WriteString(s, "hello\n"); err != nil {
		return err
	}
	line, err := s.in.ReadString('\n')
	if err == nil && line != "hello\n" {
		err = fmt.Errorf("%q came back", line)
	}
	return err
}

// until tries again until what it tries succeeds, or time is up.
func until(t *testing.T, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
