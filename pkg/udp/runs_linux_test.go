//go:build linux && !portable

package udp

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRunRefusedByTheKernel is of errors that say that the kernel or the network card cannot.
func TestRunRefusedByTheKernel(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EIO, unix.EOPNOTSUPP, unix.ENOPROTOOPT} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			f := newFaulty(t, Config{})
			f.refuse = runs(errno)
			f.post(1, "aa", "bb", "c")
			f.post(2, "x")
			f.post(3, "dd", "ee")
			f.sender.Flush()
			f.expectKernel(true, false, 1, 3, 5) // refused; 2, then refused; nothing left
			f.post(1, "ff", "gg")
			f.sender.Flush()
			f.expect(1, "aa", "bb", "c", "ff", "gg")
			f.expect(2, "x")
			f.expect(3, "dd", "ee")
			f.expectSum(sum{out: 8})
			f.expectKernel(true, false, 1, 4, 5)
		})
	}
}

// TestRunRefusedByThePath is of segments that are larger than the path takes: other destinations keep their runs.
func TestRunRefusedByThePath(t *testing.T) {
	large, small := strings.Repeat("l", pathSegment+1), strings.Repeat("s", pathSegment)
	for _, errno := range []unix.Errno{unix.EMSGSIZE, unix.EINVAL} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			f := newFaulty(t, Config{})
			f.refuse = func(_, datagrams int, port uint16) unix.Errno {
				if port == 1 && datagrams > 1 {
					return errno
				}
				return 0
			}
			f.post(1, large, large)
			f.post(2, large, large)
			f.post(1, large, large) // known when its turn comes
			f.post(2, large, large)
			f.sender.Flush()
			f.expectKernel(true, true, 0, 4, 4)
			f.post(1, large, large, small, small) // large ones are no run, the small ones one more attempt
			f.post(2, large, large)
			f.sender.Flush()
			f.expectKernel(true, true, 0, 7, 6)
			f.post(1, small, small)
			f.sender.Flush()
			f.expectKernel(true, true, 0, 8, 6)
			f.expect(1, large, large, large, large, large, large, small, small, small, small)
			f.expect(2, large, large, large, large, large, large)
		})
	}
}

// TestEveryRunRefusedWithoutReason ends in no more runs.
func TestEveryRunRefusedWithoutReason(t *testing.T) {
	f := newFaulty(t, Config{})
	f.refuse = runs(unix.EINVAL)
	for port := uint16(1); port <= 2; port++ {
		f.post(port, "a", "b")
		f.sender.Flush()
	}
	if !f.socket.Stats().GSO {
		t.Error("two destinations switched GSO off")
	}
	f.post(3, "a", "b")
	f.sender.Flush()
	f.post(4, "a", "b")
	f.sender.Flush()
	f.expectSum(sum{out: 8})
	f.expectKernel(true, false, 1, 4, 6)
}

// TestRunsThatPassAcquitTheKernel refuses runs to three destinations, with a run to another between.
func TestRunsThatPassAcquitTheKernel(t *testing.T) {
	f := newFaulty(t, Config{})
	f.refuse = func(_, datagrams int, port uint16) unix.Errno {
		if datagrams > 1 && port < 10 {
			return unix.EINVAL
		}
		return 0
	}
	for port := uint16(1); port <= 6; port++ {
		f.post(port, "a", "b")
		f.sender.Flush()
		f.post(10, "a", "b")
		f.sender.Flush()
	}
	if !f.socket.Stats().GSO || f.warnings() != 0 {
		t.Errorf("GSO is off: %s", f.log.String())
	}
}

// TestRunWhoseDatagramsFailAsWell is not the fault of the run.
func TestRunWhoseDatagramsFailAsWell(t *testing.T) {
	for errno, want := range map[unix.Errno]sum{
		unix.EINVAL: {out: 2, other: 6}, unix.EIO: {out: 2, other: 6}, unix.EMSGSIZE: {out: 2, tooLarge: 6}, unix.ENOBUFS: {out: 2, full: 6},
		unix.ENETUNREACH: {out: 2, unreachable: 6},
	} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			f := newFaulty(t, Config{})
			f.refuse = func(_, _ int, port uint16) unix.Errno {
				if port < 4 {
					return errno
				}
				return 0
			}
			for port := uint16(1); port <= 4; port++ {
				f.post(port, "a", "b")
			}
			f.sender.Flush()
			f.expect(4, "a", "b")
			f.expectSum(want)
			if !f.socket.Stats().GSO || f.to[1].longest.Load() != MaxDatagram {
				t.Error("the run was blamed")
			}
		})
	}
}

// TestFullBufferWithinARun drops the rest of the run and of the Flush.
func TestFullBufferWithinARun(t *testing.T) {
	f := newFaulty(t, Config{})
	f.post(1, "aa", "bb", "cc", "d")
	f.post(2, "x", "y")
	f.refuse = func(number, datagrams int, _ uint16) unix.Errno {
		switch {
		case datagrams > 1:
			return unix.EIO
		case number == 2 || number >= 4: // "bb" the first time, all from "cc" on
			return unix.EAGAIN
		}
		return 0
	}
	f.sender.Flush()
	f.expect(1, "aa", "bb")
	f.expect(2)
	f.expectSum(sum{out: 2, full: 4})
}

// TestErrorsWithinARun skips what cannot be sent by itself either.
func TestErrorsWithinARun(t *testing.T) {
	f := newFaulty(t, Config{})
	f.post(1, "aa", "bb", "cc", "dd", "e")
	f.refuse = func(number, _ int, _ uint16) unix.Errno {
		return map[int]unix.Errno{0: unix.EIO, 2: unix.ENOBUFS, 3: unix.ECONNREFUSED, 5: unix.EPERM}[number]
	}
	f.sender.Flush()
	f.expect(1, "aa", "cc", "e")
	f.expectSum(sum{out: 3, full: 1, unreachable: 1})
}
