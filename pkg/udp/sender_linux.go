//go:build linux && !portable

package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// transmitter is what a Sender shows the kernel: a message for each run.
type transmitter struct {
	messages []message
	buffers  []unix.Iovec
	controls []control
	// single and singleBuffer are for a datagram of a run that is sent by itself.
	single       unix.Msghdr
	singleBuffer unix.Iovec
	// send is a field as passing on the method would allocate.
	send func(fd uintptr)
	// stalled is set when this Flush has met a full buffer.
	stalled bool
}

func (x *transmitter) init(t *Sender) {
	x.messages = make([]message, maxRuns)
	x.buffers = make([]unix.Iovec, maxRuns)
	x.controls = make([]control, maxRuns)
	for i := range x.messages {
		h, c := &x.messages[i].header, &x.controls[i]
		h.Iov = &x.buffers[i]
		h.SetIovlen(1)
		h.Control = (*byte)(unsafe.Pointer(c))
		c.header.Level = unix.IPPROTO_UDP
		c.header.Type = unix.UDP_SEGMENT
		c.header.SetLen(unix.CmsgLen(2))
	}
	x.single.Iov = &x.singleBuffer
	x.single.SetIovlen(1)
	x.send = t.send
}

// transmit sends the runs.
func (t *Sender) transmit() {
	x := &t.transmitter
	for i := range t.runs {
		r, h := &t.runs[i], &x.messages[i].header
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&r.to.name.storage)), r.to.name.size
		x.buffers[i].Base = &t.slab[r.offset]
		x.buffers[i].SetLen(r.size)
		h.SetControllen(0)
		if r.count > 1 {
			x.controls[i].segment = uint16(r.segment)
			h.SetControllen(controlBytes)
		}
	}
	// Control and not Write, which lets one at a time and would wait for room.
	if err := t.socket.raw.Control(x.send); err != nil {
		t.drop(0, &t.tally.other)
	}
}

// send deals with every run, in as few calls as the kernel's errors permit. A call that could send only some of its messages does not say
// why; the next one, from where it stopped, does.
func (t *Sender) send(fd uintptr) {
	t.transmitter.stalled = false
	tried := false // the first of the rest, a second time
	for i := 0; i < len(t.runs); {
		n, batch, errno := t.call(fd, i)
		t.sent(t.runs[i : i+n])
		if n > 0 {
			i += n
			tried = false
			continue
		}
		r := &t.runs[i]
		switch v := judge(errno, r.count, batch); {
		case v == again && !tried:
			tried = true
			continue
		case v == stall && !t.transmitter.stalled:
			t.transmitter.stalled = true
			continue
		case v == stall:
			t.drop(i, &t.tally.full)
			return
		case v == alone:
			t.socket.batchingOff(errno)
			continue
		case v == singly:
			if full := t.sendSingly(fd, r, errno); full {
				t.drop(i+1, &t.tally.full)
				return
			}
		default:
			t.tally.lost(v, r.count)
		}
		i++
		tried = false
	}
}

// call offers the kernel the messages from first on, or only that one where there is no sendmmsg. It returns how many were taken.
func (t *Sender) call(fd uintptr, first int) (n int, batch bool, errno unix.Errno) {
	x, calls := &t.transmitter, &t.socket.kernel.calls
	t.tally.calls++
	if t.socket.batching.Load() {
		n, errno = calls.sendmmsg(fd, &x.messages[first], len(t.runs)-first)
		return max(n, 0), true, errno
	}
	if errno = calls.sendmsg(fd, &x.messages[first].header); errno == 0 {
		n = 1
	}
	return n, false, errno
}

// sent counts runs that the kernel has taken.
func (t *Sender) sent(runs []run) {
	segments := t.tally.segments
	for i := range runs {
		count := uint64(runs[i].count)
		t.tally.datagrams += count
		if count > 1 {
			t.tally.runs++
			t.tally.segments += count
		}
	}
	if k := &t.socket.kernel; t.tally.segments != segments && k.refusedRuns.Load() != 0 {
		k.refusedRuns.Store(0)
	}
}

// sendSingly sends the datagrams of a run, which was refused, by themselves. It reports whether the socket's buffer is full; the rest of
// the run is dropped then.
func (t *Sender) sendSingly(fd uintptr, r *run, refusal unix.Errno) (full bool) {
	x := &t.transmitter
	x.single.Name, x.single.Namelen = (*byte)(unsafe.Pointer(&r.to.name.storage)), r.to.name.size
	before := t.tally.datagrams
	tried := false
	for left := r.size; left > 0; {
		size := min(r.segment, left)
		x.singleBuffer.Base = &t.slab[r.offset+r.size-left]
		x.singleBuffer.SetLen(size)
		t.tally.calls++
		errno := t.socket.kernel.calls.sendmsg(fd, &x.single)
		v := judge(errno, 1, false)
		switch {
		case errno == 0:
			t.tally.datagrams++
		case v == again && !tried:
			tried = true
			continue
		case v == stall && !x.stalled:
			x.stalled = true
			continue
		case v == stall:
			t.tally.full += uint64((left + r.segment - 1) / r.segment)
			return true
		default:
			t.tally.lost(v, 1)
		}
		left -= size
		tried = false
	}
	// Where they fail one by one as well, the run was not at fault.
	if t.tally.datagrams != before {
		t.socket.refused(r, refusal)
	}
	return false
}

// drop counts the runs from the first on as dropped.
func (t *Sender) drop(first int, reason *uint64) {
	for i := first; i < len(t.runs); i++ {
		*reason += uint64(t.runs[i].count)
	}
}
