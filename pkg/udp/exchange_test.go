package udp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
)

// A way is an address family to send by: where the sender and the receivers listen, and what the receivers see as the sender.
type way struct {
	name                                string
	sender, receiver, destination, seen netip.Addr
}

var ways = []way{
	{"IPv4", loopback4, loopback4, loopback4, loopback4},
	{"IPv6", loopback6, loopback6, loopback6, loopback6},
	{"IPv4 by a socket of both", netip.IPv6Unspecified(), loopback4, loopback4, loopback4},
	{"IPv4 to a socket of both", loopback4, netip.IPv6Unspecified(), loopback4, loopback4},
	{"IPv4-mapped", netip.IPv6Unspecified(), loopback4, netip.MustParseAddr("::ffff:127.0.0.1"), loopback4},
}

var modes = []struct {
	name string
	cfg  Config
}{
	{"batches and GSO", Config{}},
	{"batches", Config{NoGSO: true}},
	{"GSO", Config{NoBatch: true}},
	{"singly", Config{NoBatch: true, NoGSO: true}},
}

// TestDatagramsArriveAsTheyWereSent compares what arrives with a plain list of what was sent to each destination.
func TestDatagramsArriveAsTheyWereSent(t *testing.T) {
	for _, w := range ways {
		for _, m := range modes {
			t.Run(w.name+", "+m.name, func(t *testing.T) {
				if w.sender.Is6() || w.receiver.Is6() {
					needIPv6(t)
				}
				exchange(t, w, m.cfg, rand.New(rand.NewPCG(7, uint64(len(w.name)+len(m.name)))))
			})
		}
	}
}

func exchange(t *testing.T, w way, cfg Config, rnd *rand.Rand) {
	from := open(t, w.sender, cfg)
	sender := from.NewSender()
	const receivers = 5
	var readers [receivers]*Reader
	var destinations [receivers]*Destination
	for i := range receivers {
		s := open(t, w.receiver, Config{NoBatch: cfg.NoBatch})
		readers[i] = s.NewReader(8)
		destinations[i] = NewDestination(netip.AddrPortFrom(w.destination, s.LocalAddrPort().Port()), from)
	}
	total := 0
	for range 40 {
		var want [receivers][][]byte
		for range 1 + rnd.IntN(60) {
			to, size := rnd.IntN(receivers), 1+rnd.IntN(MaxDatagram)
			for range 1 + rnd.IntN(8)*rnd.IntN(6) {
				if len(want[to]) == 40 {
					break
				}
				payload := make([]byte, size)
				for i := range payload {
					payload[i] = byte(rnd.Uint32())
				}
				post(sender, payload, destinations[to])
				want[to] = append(want[to], payload)
				total++
				switch rnd.IntN(8) {
				case 0:
					size = 1 + rnd.IntN(size)
				case 1:
					sender.Reserve()
					sender.Commit(0, destinations[to])
				}
			}
		}
		sender.Flush()
		for i, r := range readers {
			for k, l := range receive(t, r, len(want[i])) {
				if !bytes.Equal(l.payload, want[i][k]) {
					t.Fatalf("datagram %d to receiver %d has %d bytes, not the %d that were sent in its place", k, i, len(l.payload), len(want[i][k]))
				}
				if l.from != netip.AddrPortFrom(w.seen, from.LocalAddrPort().Port()) {
					t.Fatalf("a datagram comes from %v, not port %d of %v", l.from, from.LocalAddrPort().Port(), w.seen)
				}
			}
		}
	}
	s := from.Stats()
	if s.DatagramsOut != uint64(total) || s.DroppedFull+s.DroppedTooLarge+s.DroppedUnreachable+s.DroppedOther != 0 {
		t.Errorf("of %d datagrams, these are the counts: %+v", total, s)
	}
	if (s.Runs > 0) != s.GSO || s.Segments < 2*s.Runs {
		t.Errorf("runs do not go with GSO: %+v", s)
	}
}

// TestSendersOfOneSocket has four at work at once.
func TestSendersOfOneSocket(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) { crowd(t, m.cfg) })
	}
}

func crowd(t *testing.T, cfg Config) {
	const senders, receivers, rounds, each = 4, 3, 30, 6
	from := open(t, loopback4, cfg)
	var readers [receivers]*Reader
	var ports [receivers]netip.AddrPort
	for i := range receivers {
		s := open(t, loopback4, Config{})
		readers[i], ports[i] = s.NewReader(16), s.LocalAddrPort()
	}
	var destinations [receivers]*Destination // shared by all senders
	for i := range destinations {
		destinations[i] = NewDestination(ports[i], from)
	}
	var all [senders]*Sender
	for i := range all {
		all[i] = from.NewSender()
	}
	var next [receivers][senders]uint32
	for round := range rounds {
		var done sync.WaitGroup
		for i, s := range all {
			done.Go(func() {
				for k := range each {
					for _, to := range destinations {
						b := s.Reserve()
						binary.BigEndian.PutUint32(b, uint32(i))
						binary.BigEndian.PutUint32(b[4:], uint32(round*each+k))
						s.Commit(600, to)
						if k%2 == 0 {
							s.Flush()
						}
					}
				}
				s.Flush()
			})
		}
		for i, r := range readers {
			for _, l := range receive(t, r, senders*each) {
				sender, number := binary.BigEndian.Uint32(l.payload), binary.BigEndian.Uint32(l.payload[4:])
				if number != next[i][sender] || len(l.payload) != 600 {
					t.Fatalf("receiver %d got number %d of sender %d, not %d", i, number, sender, next[i][sender])
				}
				next[i][sender]++
			}
		}
		done.Wait()
	}
}
