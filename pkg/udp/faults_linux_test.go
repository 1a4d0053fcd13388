//go:build linux && !portable

package udp

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOneCallForAll(t *testing.T) {
	f := newFaulty(t, Config{})
	for port := uint16(1); port <= 50; port++ {
		f.post(port, "one", "two", "six", "4")
	}
	f.sender.Flush()
	f.sender.Flush() // nothing
	for port := uint16(1); port <= 50; port++ {
		f.expect(port, "one", "two", "six", "4")
	}
	f.expectSum(sum{out: 200})
	f.expectKernel(true, true, 0, 1, 0)
	if s := f.socket.Stats(); s.Runs != 50 || s.Segments != 200 {
		t.Errorf("%+v", s)
	}
}

func TestPartialSend(t *testing.T) {
	f := newFaulty(t, Config{})
	f.atMost = 2
	for port := uint16(1); port <= 5; port++ {
		f.post(port, "a", "b")
	}
	f.sender.Flush()
	for port := uint16(1); port <= 5; port++ {
		f.expect(port, "a", "b")
	}
	f.expectSum(sum{out: 10})
	f.expectKernel(true, true, 0, 3, 0)
}

// TestOneMessageFails has the third of five messages fail once, which nobody sees behind the two that were sent, or as often as it is tried.
func TestOneMessageFails(t *testing.T) {
	for _, c := range []struct {
		errno  unix.Errno
		always bool
		want   sum
		calls  int
	}{
		{unix.EAGAIN, false, sum{out: 5}, 2},
		{unix.EAGAIN, true, sum{out: 2, full: 3}, 3},
		{unix.EINTR, false, sum{out: 5}, 2},
		{unix.ECONNREFUSED, false, sum{out: 5}, 2},
		{unix.ECONNREFUSED, true, sum{out: 4, unreachable: 1}, 4},
		{unix.ENOBUFS, true, sum{out: 4, full: 1}, 3},
		{unix.ENOMEM, true, sum{out: 4, full: 1}, 3},
		{unix.EMSGSIZE, true, sum{out: 4, tooLarge: 1}, 3},
		{unix.EHOSTUNREACH, true, sum{out: 4, unreachable: 1}, 3},
		{unix.ENETUNREACH, true, sum{out: 4, unreachable: 1}, 3},
		{unix.ENETDOWN, true, sum{out: 4, unreachable: 1}, 3},
		{unix.EPERM, true, sum{out: 4, unreachable: 1}, 3},
		{unix.EACCES, true, sum{out: 4, unreachable: 1}, 3},
		{unix.EINVAL, true, sum{out: 4, other: 1}, 3},
		{unix.EIO, true, sum{out: 4, other: 1}, 3},
		{unix.EAFNOSUPPORT, true, sum{out: 4, other: 1}, 3},
		{unix.EBADF, true, sum{out: 4, other: 1}, 3},
	} {
		for _, alone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, always %v, one per call %v", unix.ErrnoName(c.errno), c.always, alone), func(t *testing.T) {
				f := newFaulty(t, Config{NoBatch: alone})
				failed := false
				f.refuse = func(_, _ int, port uint16) unix.Errno {
					if port == 3 && (c.always || !failed) {
						failed = true
						return c.errno
					}
					return 0
				}
				for port := uint16(1); port <= 5; port++ {
					f.post(port, "x")
				}
				f.sender.Flush()
				f.expectSum(c.want)
				for port := uint16(1); port <= 5; port++ {
					lost := port == 3 && c.want.out < 5 || port > 3 && c.want.out < 3
					if got := len(f.arrived[port]); got == 1 == lost {
						t.Errorf("port %d got %d datagrams", port, got)
					}
				}
				if !alone {
					f.expectKernel(true, true, 0, c.calls, 0)
				}
			})
		}
	}
}

// TestFullBufferIsTriedTwicePerFlush has a buffer that is full again and again.
func TestFullBufferIsTriedTwicePerFlush(t *testing.T) {
	f := newFaulty(t, Config{})
	f.refuse = on(unix.EAGAIN, 1, 2, 4, 5, 8, 9)
	for port := uint16(1); port <= 4; port++ {
		f.post(port, "x")
	}
	f.sender.Flush() // 0 is sent, 1 and 2 are refused, 3 is sent, 4 and 5 are refused
	f.expectSum(sum{out: 2, full: 2})
	for port := uint16(5); port <= 7; port++ {
		f.post(port, "y")
	}
	f.sender.Flush() // 8 and 9 are refused
	f.expect(7, "y")
	f.expectSum(sum{out: 5, full: 2})
}

// TestRandomFaults checks what must hold whatever the kernel says: nothing is lost without being counted, repeated or out of order.
func TestRandomFaults(t *testing.T) {
	errors := []unix.Errno{
		unix.EAGAIN, unix.EINTR, unix.ENOBUFS, unix.EMSGSIZE, unix.EIO, unix.EINVAL, unix.EOPNOTSUPP, unix.EPERM, unix.ECONNREFUSED, unix.ENETUNREACH,
		unix.ENOSYS, unix.EBADF,
	}
	seeds := uint64(60)
	if os.Getenv("SFU_LONG") != "" {
		seeds = 10_000
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(seed, 1))
		f := newFaulty(t, Config{NoBatch: seed%5 == 0})
		f.atMost = rnd.IntN(4)
		frequency := 2 + rnd.IntN(20)
		f.refuse = func(int, int, uint16) unix.Errno {
			if rnd.IntN(frequency) == 0 {
				return errors[rnd.IntN(len(errors))]
			}
			return 0
		}
		sent := map[uint16][]string{}
		total := uint64(0)
		for range 20 {
			for range rnd.IntN(30) {
				port := uint16(1 + rnd.IntN(4))
				for range 1 + rnd.IntN(5) {
					total++
					payload := fmt.Sprintf("%06d%s", total, strings.Repeat("x", 10*rnd.IntN(2)))
					f.post(port, payload)
					sent[port] = append(sent[port], payload)
				}
			}
			f.sender.Flush()
		}
		s := f.socket.Stats()
		arrived := 0
		for port, all := range f.arrived {
			arrived += len(all)
			left := sent[port]
			for _, payload := range all {
				i := slices.Index(left, payload)
				if i < 0 {
					t.Fatalf("seed %d: port %d got %q twice, late, or never sent", seed, port, payload)
				}
				left = left[i+1:]
			}
		}
		dropped := s.DroppedFull + s.DroppedTooLarge + s.DroppedUnreachable + s.DroppedOther
		if s.DatagramsOut != uint64(arrived) || s.DatagramsOut+dropped != total || s.CallsOut != uint64(f.many+f.one) {
			t.Fatalf("seed %d: of %d datagrams %d arrived: %+v", seed, total, arrived, s)
		}
	}
}
