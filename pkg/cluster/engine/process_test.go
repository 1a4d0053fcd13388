package engine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// processVariable, when it is set for this test binary, makes it the NATS server that it describes.
const processVariable = "ENGINE_TEST_SERVER"

// A processOptions is what serveProcess hands over.
type processOptions struct {
	Name, Store, Routes string
	ClusterPort         int
}

// serveAsProcess is a server until its input ends, with its URL as output.
func serveAsProcess(given string) {
	var p processOptions
	if err := json.Unmarshal([]byte(given), &p); err != nil {
		panic(err)
	}
	s, err := server.NewServer(&server.Options{
		ServerName: p.Name, StoreDir: p.Store, Routes: server.RoutesFromStr(p.Routes), Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, NoSigs: true, NoLog: true, Cluster: server.ClusterOpts{Name: "sfu", Host: "127.0.0.1", Port: p.ClusterPort},
	})
	if err != nil {
		panic(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		panic("not ready")
	}
	fmt.Println(s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// serveProcess starts a server in a process of its own and returns how to kill it.
func serveProcess(t *testing.T, o server.Options) (url string, kill func()) {
	t.Helper()
	given, err := json.Marshal(processOptions{Name: o.ServerName, Store: o.StoreDir, Routes: o.RoutesStr, ClusterPort: o.Cluster.Port})
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), processVariable+"="+string(given))
	process.Stderr = os.Stderr
	if _, err := process.StdinPipe(); err != nil { // which ends with this process, whatever becomes of it
		t.Fatal(err)
	}
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	t.Cleanup(kill)
	url, err = bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url), kill
}
