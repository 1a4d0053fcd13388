//go:build linux && !portable

package udp

import "golang.org/x/sys/unix"

// A verdict is what becomes of a message that the kernel did not take.
type verdict uint8

const (
	// again tries the same message once more: the error was not about it.
	again verdict = iota
	// stall tries once more in this Flush, and drops all that is left when that fails as well.
	stall
	// alone gives up several messages per call.
	alone
	// singly sends the datagrams of a run by themselves.
	singly
	// These drop the message, for one of the reasons of Stats.
	dropFull
	dropTooLarge
	dropUnreachable
	dropOther
)

// judge says what becomes of a message of so many datagrams that sendmmsg (batch) or sendmsg refused.
func judge(errno unix.Errno, datagrams int, batch bool) verdict {
	switch errno {
	case unix.EINTR, unix.ECONNREFUSED:
		// The latter is pending on the socket from a datagram sent earlier.
		return again
	case unix.EAGAIN:
		return stall
	case unix.ENOBUFS, unix.ENOMEM:
		return dropFull
	case unix.ENOSYS:
		if batch {
			return alone
		}
		return dropOther
	case unix.EMSGSIZE:
		if datagrams > 1 {
			return singly
		}
		return dropTooLarge
	case unix.EIO, unix.EINVAL, unix.EOPNOTSUPP, unix.ENOPROTOOPT:
		if datagrams > 1 {
			return singly
		}
		return dropOther
	case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENETDOWN, unix.EADDRNOTAVAIL, unix.EPERM, unix.EACCES:
		// The last two are a firewall's or a routing table's word about this message: Listen has seen that the call is permitted.
		return dropUnreachable
	default:
		return dropOther
	}
}

// lost counts datagrams dropped by a verdict, or tried again in vain.
func (t *tally) lost(v verdict, datagrams int) {
	n := uint64(datagrams)
	switch v {
	case dropFull, stall:
		t.full += n
	case dropTooLarge:
		t.tooLarge += n
	case dropUnreachable, again:
		t.unreachable += n
	default:
		t.other += n
	}
}

// pathSegment is what every IPv6 path takes, in bytes: its least MTU of 1280 (RFC 8200 section 5) without the headers.
const pathSegment = 1232

// maxRefusedRuns is how many runs may be refused without a reason before the kernel is thought unable to send any.
const maxRefusedRuns = 3

// refused notes that a run was refused with errno, while its datagrams went out singly.
func (s *Socket) refused(r *run, errno unix.Errno) {
	switch errno {
	case unix.EMSGSIZE:
		r.to.refuse(r.segment)
	case unix.EINVAL:
		// Older kernels say this of segments that are too large for the path, which must not cost the others their runs.
		if r.to.refuse(r.segment) && s.kernel.refusedRuns.Add(1) >= maxRefusedRuns {
			s.gsoOff(errno)
		}
	default:
		s.gsoOff(errno)
	}
}

// refuse notes that a run of such segments was refused, while datagrams by themselves are not. It reports whether that is news; it can be
// twice, for segments that are large and for those that fit every path.
func (d *Destination) refuse(segment int) bool {
	known, longest := d.longest.Load(), int32(0)
	if segment > pathSegment {
		longest = pathSegment
	}
	return longest < known && d.longest.CompareAndSwap(known, longest)
}

// batchingOff and gsoOff switch off what the kernel refuses, and say so the first time.
func (s *Socket) batchingOff(err error) {
	if s.batching.CompareAndSwap(true, false) {
		s.log.Warn("the system does not read and write several datagrams per call; media costs more", "socket", s.local, "error", err)
	}
}

func (s *Socket) gsoOff(err error) {
	if s.gso.CompareAndSwap(true, false) {
		s.log.Warn("the system does not cut up datagrams (UDP_SEGMENT); media costs more", "socket", s.local, "error", err)
	}
}
