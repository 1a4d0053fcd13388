//go:build linux && !portable

package udp

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inProcess runs the test in a process of its own, with a variable of the environment to tell it so, and skips where that does.
func inProcess(t *testing.T, variable, value string, attributes *syscall.SysProcAttr) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), variable+"="+value)
	child.SysProcAttr = attributes
	output, err := child.CombinedOutput()
	switch {
	case err != nil && len(output) == 0:
		t.Skipf("this system does not let a test isolate itself: %v", err)
	case err != nil:
		t.Errorf("%v\n%s", err, output)
	case bytes.Contains(output, []byte("--- SKIP")):
		t.Skipf("%s", output)
	}
}

// barredBy names the errno that a process of its own gets from sendmmsg and recvmmsg.
const barredBy = "UDP_TEST_BARRED_BY"

// TestSandbox runs in a process whose seccomp filter bars sendmmsg and recvmmsg, as containers' do.
func TestSandbox(t *testing.T) {
	if number := os.Getenv(barredBy); number != "" {
		errno, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		sandboxed(t, unix.Errno(errno))
		return
	}
	for _, errno := range []unix.Errno{unix.EPERM, unix.ENOSYS} {
		inProcess(t, barredBy, strconv.Itoa(int(errno)), nil)
	}
}

func sandboxed(t *testing.T, errno unix.Errno) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SENDMMSG, Jt: 2},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_RECVMMSG, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Skipf("this system has no sandboxes: %v", err)
	}
	if _, _, failed := unix.Syscall(
		unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)),
	); failed != 0 {
		t.Skipf("this system has no sandboxes: %v", failed)
	}
	var log bytes.Buffer
	s := open(t, loopback4, Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	sender, to := s.NewSender(), NewDestination(s.LocalAddrPort(), s)
	for _, p := range []string{"aa", "bb", "c", "dd"} {
		post(sender, []byte(p), to)
	}
	sender.Flush()
	for i, l := range receive(t, s.NewReader(4), 4) {
		if want := []string{"aa", "bb", "c", "dd"}[i]; string(l.payload) != want {
			t.Errorf("%q instead of %q", l.payload, want)
		}
	}
	if stats := s.Stats(); stats.Batching || stats.DatagramsOut != 4 || strings.Count(log.String(), "level=WARN") != 1 {
		t.Errorf("%+v, %s", stats, log.String())
	}
}

// ownNetwork is set in a process that has a network of its own.
const ownNetwork = "UDP_TEST_OWN_NETWORK"

// TestPathWithSmallMTU has a network that takes no segments of 1400 bytes, and knows no way out.
func TestPathWithSmallMTU(t *testing.T) {
	if os.Getenv(ownNetwork) != "" {
		smallMTU(t)
		return
	}
	inProcess(t, ownNetwork, "1", &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	})
}

func smallMTU(t *testing.T) {
	s := open(t, netip.IPv4Unspecified(), Config{})
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	var up, mtu error
	if err := s.raw.Control(func(fd uintptr) {
		lo.SetUint32(1300)
		mtu = unix.IoctlIfreq(int(fd), unix.SIOCSIFMTU, lo)
		lo.SetUint16(unix.IFF_UP)
		up = unix.IoctlIfreq(int(fd), unix.SIOCSIFFLAGS, lo)
	}); err != nil || up != nil || mtu != nil {
		t.Skipf("this system does not let a test make a network: %v, %v, %v", err, up, mtu)
	}
	sender, reader := s.NewSender(), s.NewReader(8)
	to := NewDestination(netip.AddrPortFrom(loopback4, s.LocalAddrPort().Port()), s)
	unroutable := NewDestination(netip.MustParseAddrPort("192.0.2.1:9"), s)
	send := func(bytes int) {
		for range 3 {
			sender.Reserve()
			sender.Commit(bytes, unroutable)
		}
		for range 3 {
			sender.Reserve()
			sender.Commit(bytes, to)
		}
		sender.Flush()
		for _, l := range receive(t, reader, 3) {
			if len(l.payload) != bytes {
				t.Errorf("%d bytes instead of %d", len(l.payload), bytes)
			}
		}
	}
	send(1400) // in fragments
	if stats := s.Stats(); stats.Runs != 0 || stats.DatagramsOut != 3 || stats.DroppedUnreachable != 3 || !stats.GSO {
		t.Errorf("%+v", stats)
	}
	send(1200)
	if stats := s.Stats(); stats.Runs != 1 || stats.Segments != 3 || stats.DatagramsOut != 6 || stats.DroppedUnreachable != 6 || !stats.GSO {
		t.Errorf("%+v", stats)
	}
}

// TestLayout compares with what C makes of the structures.
func TestLayout(t *testing.T) {
	const word = unsafe.Sizeof(uintptr(0))
	if got, want := unsafe.Sizeof(message{}), (unsafe.Sizeof(unix.Msghdr{})+4+word-1)/word*word; got != want {
		t.Errorf("a message has %d bytes, not %d", got, want)
	}
	if got, want := unsafe.Offsetof(control{}.segment), uintptr(unix.CmsgLen(0)); got != want {
		t.Errorf("the segment's size is at %d, not %d", got, want)
	}
	if got := unsafe.Sizeof(control{}); got < uintptr(controlBytes) || got%word != 0 {
		t.Errorf("a control message has %d bytes", got)
	}
}

// TestAddressThatLoopbackCannotReach has the kernel refuse messages, runs among them, for their address; the others arrive.
func TestAddressThatLoopbackCannotReach(t *testing.T) {
	from, at := open(t, loopback4, Config{}), open(t, loopback4, Config{})
	sender, reader := from.NewSender(), at.NewReader(8)
	to := NewDestination(at.LocalAddrPort(), from)
	for range 5 {
		elsewhere := NewDestination(netip.MustParseAddrPort("192.0.2.1:9"), from)
		for _, p := range []string{"aa", "bb", "cc"} {
			post(sender, []byte(p), elsewhere)
		}
		post(sender, []byte("dd"), to)
		post(sender, []byte("ee"), to)
		sender.Flush()
		for i, l := range receive(t, reader, 2) {
			if want := []string{"dd", "ee"}[i]; string(l.payload) != want {
				t.Errorf("%q instead of %q", l.payload, want)
			}
		}
	}
	if s := from.Stats(); s.DatagramsOut != 10 || s.DroppedOther+s.DroppedUnreachable != 15 || !s.GSO || !s.Batching {
		t.Errorf("%+v", s)
	}
}

func TestZones(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			prefix, err := netip.ParsePrefix(a.String())
			if err != nil || !prefix.Addr().Is6() || !prefix.Addr().IsLinkLocalUnicast() || i.Flags&net.FlagUp == 0 {
				continue
			}
			s, err := Listen(netip.AddrPortFrom(prefix.Addr().WithZone(i.Name), 0), Config{})
			if err != nil {
				continue // tentative, for instance
			}
			defer func() { _ = s.Close() }()
			_ = s.SetReadDeadline(time.Now().Add(patience))
			sender, reader := s.NewSender(), s.NewReader(4)
			for _, zone := range []string{i.Name, strconv.Itoa(i.Index)} {
				to := NewDestination(netip.AddrPortFrom(prefix.Addr().WithZone(zone), s.LocalAddrPort().Port()), s)
				into := buffers(1)
				if n := testing.AllocsPerRun(20, func() {
					post(sender, []byte("x"), to)
					sender.Flush()
					if _, err := reader.Read(into); err != nil {
						t.Fatal(err)
					}
					if _, from, _ := reader.Datagram(0); from != s.LocalAddrPort() {
						t.Fatalf("from %v, not %v", from, s.LocalAddrPort())
					}
				}); n != 0 {
					t.Errorf("%v allocations", n)
				}
			}
			post(sender, []byte("x"), NewDestination(netip.AddrPortFrom(prefix.Addr().WithZone("none"), 9), s))
			sender.Flush()
			if dropped := s.Stats().DroppedUnreachable; dropped != 1 {
				t.Errorf("%d were dropped", dropped)
			}
			return
		}
	}
	t.Skip("this host has no link-local IPv6 address")
}

func TestZoneNames(t *testing.T) {
	var z zones
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip("this host has no lo")
	}
	for range 2 {
		if name := z.name(uint32(lo.Index)); name != "lo" {
			t.Errorf("the loopback interface is called %q", name)
		}
		if name := z.name(1 << 30); name != "1073741824" {
			t.Errorf("an interface that does not exist is called %q", name)
		}
	}
	if len(z) != 2 {
		t.Errorf("%d zones are known", len(z))
	}
}

func TestKernelBuffers(t *testing.T) {
	const modest = 64 << 10 // below every system's limit
	read, write := open(t, loopback4, Config{ReadBuffer: modest, WriteBuffer: modest}).KernelBuffers()
	if read != modest || write != modest {
		t.Errorf("the kernel gave %d and %d", read, write)
	}
	const huge = 1 << 30
	if read, write := open(t, loopback4, Config{ReadBuffer: huge, WriteBuffer: huge}).KernelBuffers(); read < modest || write < modest {
		t.Errorf("the kernel gave %d and %d", read, write)
	}
}

// TestOverflow lets a socket's buffer fill up.
func TestOverflow(t *testing.T) {
	from, at := open(t, loopback4, Config{}), open(t, loopback4, Config{ReadBuffer: 4096})
	sender, to := from.NewSender(), NewDestination(at.LocalAddrPort(), from)
	for range 10_000 {
		sender.Reserve()
		sender.Commit(MaxDatagram, to)
		sender.Flush()
		if at.Stats().Overflowed > 0 {
			break
		}
	}
	overflowed := at.Stats().Overflowed
	if overflowed == 0 {
		t.Fatal("nothing was dropped")
	}
	if err := at.Close(); err != nil {
		t.Fatal(err)
	}
	if again := at.Stats().Overflowed; again != overflowed {
		t.Errorf("after Close it is %d, not %d", again, overflowed)
	}
}
