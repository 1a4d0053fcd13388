package doctor

import (
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"time"

	"sfu/pkg/udp"
)

// Wanted is what the server asks of the machine.
type Wanted struct {
	// UDPBuffer is what the media sockets ask for in each direction, in bytes. Connections is how many the server takes.
	UDPBuffer, Connections int
	// GSO says that it would use UDP GSO.
	GSO bool
}

// machineState is what was seen of the machine. A zero field was not seen.
type machineState struct {
	descriptors uint64 // this process may have open
	// readBuffer and writeBuffer are what the kernel grants, in bytes.
	readBuffer, writeBuffer int
	gso                     bool
	udpErr                  error
	processors              int     // Go uses
	quota                   float64 // processors that the cgroup grants
	memory                  uint64  // bytes that the cgroup or the machine grants
}

const (
	leastMemory = 256 << 20
	// spareDescriptors is for files, and sockets that are not clients'.
	spareDescriptors = 240
)

func probeMachine(w Wanted) machineState {
	m := machineState{descriptors: descriptorLimit(), processors: runtime.GOMAXPROCS(0), quota: processorQuota(), memory: memoryLimit()}
	loopback := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	socket, err := udp.Listen(loopback, udp.Config{ReadBuffer: w.UDPBuffer, WriteBuffer: w.UDPBuffer})
	if m.udpErr = err; err == nil {
		m.readBuffer, m.writeBuffer = socket.KernelBuffers()
		m.gso = socket.Stats().GSO
		_ = socket.Close() // nothing was sent
	}
	return m
}

// judgeMachine compares what the machine grants with what the server asks for.
func judgeMachine(m machineState, w Wanted) []Finding {
	var all []Finding
	add := func(f Finding) { all = append(all, f) }
	want := uint64(w.Connections + spareDescriptors)
	switch {
	case m.descriptors == 0:
	case m.descriptors < want:
		add(found(Warn, "descriptors-few", "%d files may be open here, but the server takes %d connections.", m.descriptors, w.Connections))
	default:
		add(found(OK, "descriptors", "%d files may be open.", m.descriptors))
	}
	switch least := min(m.readBuffer, m.writeBuffer); {
	case m.udpErr != nil:
		add(found(Warn, "udp-buffers-small", "A UDP socket cannot be tried: %v.", m.udpErr))
	case least == 0:
	case least < w.UDPBuffer:
		add(found(Warn, "udp-buffers-small",
			"A media socket gets %s to receive and %s to send, but asks for %s.", size(m.readBuffer), size(m.writeBuffer), size(w.UDPBuffer)))
	default:
		add(found(OK, "udp-buffers", "Media sockets get the %s that they ask for.", size(w.UDPBuffer)))
	}
	switch {
	case m.udpErr != nil || !w.GSO:
	case m.gso:
		add(found(OK, "gso", "The kernel can cut up runs of packets (UDP GSO)."))
	default:
		add(found(Info, "gso-missing", "The kernel cannot cut up runs of packets (UDP GSO)."))
	}
	switch {
	case m.quota > 0 && float64(m.processors) > math.Ceil(m.quota):
		add(found(Warn, "cpu-limit", "The cgroup grants %.3g processors, but Go uses %d.", m.quota, m.processors))
	case m.quota > 0 && m.quota < 1:
		add(found(Warn, "cpu-few", "The cgroup grants %.3g of a processor.", m.quota))
	default:
		add(found(OK, "cpu", "%d processors can be used.", m.processors))
	}
	switch {
	case m.memory == 0:
	case m.memory < leastMemory:
		add(found(Warn, "memory-small", "The server may have %s of memory.", size(int(m.memory))))
	default:
		add(found(OK, "memory", "The server may have %s of memory.", size(int(m.memory))))
	}
	return all
}

// size is for people.
func size(bytes int) string {
	const kib, mib, gib = 1 << 10, 1 << 20, 1 << 30
	switch {
	case bytes >= gib:
		return fmt.Sprintf("%.3g GiB", float64(bytes)/gib)
	case bytes >= mib:
		return fmt.Sprintf("%.3g MiB", float64(bytes)/mib)
	default:
		return fmt.Sprintf("%.3g KiB", float64(bytes)/kib)
	}
}

// clockState is what was seen of the clock.
type clockState struct {
	now time.Time
	// known says that the kernel told whether it is synchronised.
	known, synchronised bool
}

// built is a time that has certainly passed.
var built = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func judgeClock(c clockState) []Finding {
	switch {
	case c.now.Before(built):
		return []Finding{found(Fail, "clock-wrong", "The clock says %s.", c.now.UTC().Format(time.RFC3339))}
	case c.known && !c.synchronised:
		return []Finding{found(Info, "clock-unsynchronised", "The kernel does not know its clock to be synchronised.")}
	default:
		return []Finding{found(OK, "clock", "The clock says %s.", c.now.UTC().Format(time.RFC3339))}
	}
}
