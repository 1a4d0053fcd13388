package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sfu/pkg/address"
)

func TestJudgePorts(t *testing.T) {
	main := Port{Flag: "--listen", Port: 8080, TCP: true, UDP: true, Health: true}
	for name, tt := range map[string]struct {
		state portState
		want  string
		text  string
	}{
		"free":         {portState{Port: main, network: "tcp"}, "ok port-free", "8080/tcp"},
		"served":       {portState{Port: main, network: "udp", err: syscall.EADDRINUSE, live: true, holder: "sfu (pid 7)"}, "ok port-served", "sfu (pid 7)"},
		"another":      {portState{Port: main, network: "tcp", err: syscall.EADDRINUSE, holder: "nginx (pid 7)"}, "fail port-taken", "nginx (pid 7)"},
		"silent":       {portState{Port: main, network: "tcp", err: syscall.EADDRINUSE}, "fail port-silent", "/livez"},
		"unknown":      {portState{Port: Port{Flag: "--media-port", Port: 7882}, network: "udp", err: syscall.EADDRINUSE}, "fail port-taken", "by something"},
		"forbidden":    {portState{Port: main, network: "tcp", err: syscall.EACCES}, "fail port-forbidden", "8080"},
		"not here":     {portState{Port: main, network: "tcp", err: syscall.EADDRNOTAVAIL}, "fail settings-invalid", "--listen"},
		"other errors": {portState{Port: main, network: "tcp", err: errors.New("odd")}, "fail port-taken", "odd"},
	} {
		t.Run(name, func(t *testing.T) { check(t, judgePorts([]portState{tt.state}), tt.text, tt.want) })
	}
}

func TestPortsOfThisMachine(t *testing.T) {
	udp, listener := listenBoth(t)
	_ = udp.Close()
	port := hostPort(listener.Addr())
	s := &Server{Ports: []Port{{Flag: "--listen", Host: port.Addr(), Port: port.Port(), TCP: true, UDP: true, Health: true}}}
	// Another program: one that accepts and answers with something else than sfu.
	other := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.NotFoundHandler()}}
	other.Start()
	check(t, s.lookAtPorts(t.Context()), fmt.Sprintf("pid %d", os.Getpid()), "fail port-taken", "ok port-free")
	other.Close()
	check(t, s.lookAtPorts(t.Context()), "", "ok port-free", "ok port-free")
}

func TestAPortThatAnswersAsSFU(t *testing.T) {
	udp, listener := listenBoth(t)
	defer udp.Close()
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"failing": [], "live": true}`))
	})}}
	server.Start()
	defer server.Close()
	port := hostPort(server.Listener.Addr())
	s := &Server{Ports: []Port{{Flag: "--listen", Host: port.Addr(), Port: port.Port(), TCP: true, UDP: true, Health: true}}}
	check(t, s.lookAtPorts(t.Context()), "", "ok port-served", "ok port-served")
}

func hostPort(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

func TestAddInodes(t *testing.T) {
	const table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0\n" +
		"   1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 222 1 0\n" +
		"   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 333 1 0\n   broken\n"
	for _, tt := range []struct {
		listening bool
		want      int
	}{{true, 1}, {false, 2}} {
		got := map[string]bool{}
		addInodes(got, table, 8080, tt.listening)
		if len(got) != tt.want || !got["socket:[111]"] {
			t.Errorf("listening %v: %v", tt.listening, got)
		}
	}
}

func planOf(addresses ...string) address.Plan {
	var p address.Plan
	for _, a := range addresses {
		p.Announced = append(p.Announced, address.Announcement{Address: netip.MustParseAddr(a), Local: netip.MustParseAddr(a)})
	}
	return p
}

func TestJudgeAddresses(t *testing.T) {
	interfaces := []address.Interface{{Name: "eth0", Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("172.17.0.2")}}}
	foreign := address.Plan{Announced: []address.Announcement{{Address: netip.MustParseAddr("203.0.113.9"), Local: netip.MustParseAddr("10.0.0.9")}}}
	for name, tt := range map[string]struct {
		server Server
		text   string
		want   []string
	}{
		"public":              {Server{Plan: planOf("203.0.113.7", "127.0.0.1")}, "a public address of this machine", []string{"ok address"}},
		"behind NAT":          {Server{Plan: planOf("203.0.113.8"), Explicit: true, MediaPort: 7882}, "port 7882", []string{"ok address", "fail address-local"}},
		"mapped wrong":        {Server{Plan: foreign, Explicit: true}, "", []string{"ok address", "fail address-local"}},
		"private":             {Server{Plan: planOf("192.168.1.2", "127.0.0.1")}, "192.168.1.2", []string{"warn address-private"}},
		"private and public":  {Server{Plan: planOf("203.0.113.7", "10.0.0.7")}, "", []string{"ok address", "info address-private"}},
		"container":           {Server{Plan: planOf("172.17.0.2"), Container: true, MediaPort: 8080}, "publish port 8080", []string{"fail address-container"}},
		"container, explicit": {Server{Plan: planOf("172.17.0.2"), Container: true, Explicit: true}, "", []string{"warn address-private"}},
		"bridge, no container": {
			Server{Plan: planOf("172.17.0.2")}, "", []string{"warn address-private"},
		},
		"carrier":  {Server{Plan: planOf("100.64.3.4")}, "", []string{"warn address-cgnat"}},
		"loopback": {Server{Plan: planOf("127.0.0.1")}, "", []string{"warn address-loopback"}},
		"nothing":  {Server{}, "", []string{"fail address-none"}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.server.Interfaces = interfaces
			check(t, judgeAddresses(&tt.server), tt.text, tt.want...)
		})
	}
}

func TestJudgeSelf(t *testing.T) {
	a := netip.MustParseAddr("203.0.113.7")
	check(t, judgeSelf([]selfState{
		{address: a, own: true, reached: true}, {address: a, own: true}, {address: a}, {address: a, own: true, err: errors.New("no route")},
	}, 8080), "8080", "ok udp-self", "fail udp-self-blocked", "info udp-hairpin", "info udp-hairpin")
}

func TestEchoSelf(t *testing.T) {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	// The second address leads to this machine, but not to the socket.
	states := []selfState{{address: netip.MustParseAddr("127.0.0.1")}, {address: netip.MustParseAddr("127.0.0.2")}}
	(&Server{}).echoSelf(t.Context(), socket, states)
	if !states[0].reached || states[1].reached {
		t.Errorf("got %+v", states)
	}
}

func TestJudgeSecrets(t *testing.T) {
	file := SecretFile{"--tls-key", "key.pem"}
	for name, tt := range map[string]struct {
		state     secretState
		container bool
		want      string
	}{
		"good":                 {secretState{SecretFile: file, mode: 0o600, size: 1}, false, "ok file"},
		"group":                {secretState{SecretFile: file, mode: 0o640, size: 1}, false, "ok file"},
		"others":               {secretState{SecretFile: file, mode: 0o644, size: 1}, false, "warn file-exposed"},
		"others, in container": {secretState{SecretFile: file, mode: 0o644, size: 1}, true, "ok file"},
		"empty":                {secretState{SecretFile: file, mode: 0o600}, false, "fail file-unreadable"},
		"directory":            {secretState{SecretFile: file, mode: fs.ModeDir | 0o700, size: 1}, false, "fail file-unreadable"},
		"missing":              {secretState{SecretFile: file, err: fs.ErrNotExist}, false, "fail file-unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, judgeSecrets([]secretState{tt.state}, tt.container), "--tls-key", tt.want)
		})
	}
}

func TestStatSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("x"), 0o604); err != nil {
		t.Fatal(err)
	}
	check(t, judgeSecrets(statSecrets([]SecretFile{{"--tls-key", path}, {"--nats-key", path + "x"}}), false), "chmod o-rwx", "warn file-exposed", "fail file-unreadable")
}

func TestJudgeKeys(t *testing.T) {
	check(t, judgeKeys(Keys{}), "", "info keys-open")
	check(t, judgeKeys(Keys{Count: 2, Sign: true}), "2 keys", "ok keys")
	check(t, judgeKeys(Keys{Count: 1}), "none of which can sign", "ok keys")
	check(t, judgeKeys(Keys{Err: errors.New("read keys: line 3")}), "line 3", "fail keys-invalid")
}

func TestInvalidSettingsLeaveTheMachine(t *testing.T) {
	s := &Server{Invalid: errors.New("--listen: \"x\" has no port")}
	got := Run(t.Context(), s.Checks(), func(Finding) {})
	if got[0].ID != "settings-invalid" || got[0].Level != Fail || !strings.Contains(got[0].Message, "--listen") || len(got) < 3 {
		t.Errorf("found %+v", got)
	}
}

func TestJudgeMachine(t *testing.T) {
	wanted := Wanted{UDPBuffer: 4 << 20, Connections: 10_000, GSO: true}
	good := machineState{descriptors: 65_536, readBuffer: 4 << 20, writeBuffer: 4 << 20, gso: true, processors: 2, memory: 2 << 30}
	all := []string{"ok descriptors", "ok udp-buffers", "ok gso", "ok cpu", "ok memory"}
	with := func(i int, finding string) []string {
		changed := append([]string(nil), all...)
		changed[i] = finding
		return changed
	}
	for name, tt := range map[string]struct {
		change func(*machineState)
		want   []string
	}{
		"good":            {func(*machineState) {}, all},
		"few descriptors": {func(m *machineState) { m.descriptors = 1024 }, with(0, "warn descriptors-few")},
		"small buffers":   {func(m *machineState) { m.readBuffer = 212_992 }, with(1, "warn udp-buffers-small")},
		"no GSO":          {func(m *machineState) { m.gso = false }, with(2, "info gso-missing")},
		"throttled":       {func(m *machineState) { m.quota, m.processors = 1.5, 4 }, with(3, "warn cpu-limit")},
		"rounded up":      {func(m *machineState) { m.quota, m.processors = 1.5, 2 }, all},
		"half":            {func(m *machineState) { m.quota, m.processors = 0.5, 1 }, with(3, "warn cpu-few")},
		"little memory":   {func(m *machineState) { m.memory = 64 << 20 }, with(4, "warn memory-small")},
		"nothing known":   {func(m *machineState) { *m = machineState{processors: 1, gso: true} }, []string{"ok gso", "ok cpu"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := good
			tt.change(&m)
			check(t, judgeMachine(m, wanted), "", tt.want...)
		})
	}
}

func TestProbeMachine(t *testing.T) {
	m := probeMachine(Wanted{UDPBuffer: 4096})
	if m.udpErr != nil || m.processors < 1 || m.readBuffer < 2048 || m.memory == 0 || m.descriptors == 0 {
		t.Errorf("got %+v", m)
	}
}

func TestParseQuota(t *testing.T) {
	for text, want := range map[string]float64{"max 100000": 0, "150000 100000": 1.5, "-1 100000": 0, "": 0, "1": 0, "50000 0": 0} {
		if got := parseQuota(text); got != want {
			t.Errorf("%q: %g", text, got)
		}
	}
}

func TestJudgeClock(t *testing.T) {
	check(t, judgeClock(clockState{now: built.AddDate(1, 0, 0), known: true, synchronised: true}), "", "ok clock")
	check(t, judgeClock(clockState{now: built.AddDate(1, 0, 0)}), "", "ok clock")
	check(t, judgeClock(clockState{now: built.AddDate(1, 0, 0), known: true}), "", "info clock-unsynchronised")
	check(t, judgeClock(clockState{now: time.Unix(0, 0), known: true}), "1970", "fail clock-wrong")
	if c := probeClock(); c.now.IsZero() {
		t.Error("no time")
	}
}

func TestJudgeGrace(t *testing.T) {
	g := Grace{Drain: 25 * time.Second, Delay: 5 * time.Second}
	check(t, judgeGrace(graceState{Grace: g}), "35s", "info grace-unknown")
	check(t, judgeGrace(graceState{g, 30 * time.Second, "sfu.service"}), "sfu.service gives the server 30s", "warn grace-short")
	check(t, judgeGrace(graceState{g, 40 * time.Second, "sfu.service"}), "", "ok grace")
	g.Given = time.Minute
	check(t, judgeGrace(g.look(t.Context())), "--grace gives the server 1m0s", "ok grace")
}

func TestParseUnit(t *testing.T) {
	for output, want := range map[string]time.Duration{
		"LoadState=loaded\nTimeoutStopUSec=1min 30s\n": 90 * time.Second, "TimeoutStopUSec=40s\nLoadState=loaded\n": 40 * time.Second,
		"LoadState=loaded\nTimeoutStopUSec=infinity\n": forever, "LoadState=loaded\nTimeoutStopUSec=1.5h\n": 90 * time.Minute,
		"LoadState=not-found\nTimeoutStopUSec=90s\n": 0, "LoadState=loaded\n": 0, "LoadState=loaded\nTimeoutStopUSec=7 fortnights\n": 0, "": 0,
	} {
		if got, ok := parseUnit(output); got != want || ok != (want > 0) {
			t.Errorf("%q: %v, %v", output, got, ok)
		}
	}
}
