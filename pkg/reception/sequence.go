package reception

// recent is how many sequence numbers back a packet is still told from its own repetition.
const recent = 4096

// sequences follows the sequence numbers of one SSRC, extended to 64 bits.
type sequences struct {
	started       bool
	first, last   uint64 // last is the highest
	unique        uint64
	seen          [recent / 64]uint64
	hadDuplicates uint64
	late          uint64
}

// An arrival says how a packet fits among those before.
type arrival struct {
	seq uint64
	// ahead is how many numbers were left out before it; they may still come.
	ahead     uint64
	duplicate bool
	late      bool
}

// extend returns sequence as the 64-bit number closest to the highest so far.
func (s *sequences) extend(sequence uint16) uint64 {
	if !s.started {
		return 1<<16 + uint64(sequence)
	}
	return uint64(int64(s.last) + int64(int16(sequence-uint16(s.last))))
}

// add takes a packet.
func (s *sequences) add(sequence uint16) arrival {
	seq := s.extend(sequence)
	a := arrival{seq: seq}
	switch {
	case !s.started:
		s.started, s.first, s.last = true, seq, seq
	case seq > s.last:
		a.ahead = seq - s.last - 1
		for n := s.last + 1; n < seq && n <= s.last+recent; n++ {
			s.clear(n)
		}
		s.last = seq
	case s.last-seq >= recent || s.has(seq):
		// What is older than can be remembered is taken for a repetition.
		a.duplicate = true
		s.hadDuplicates++
		return a
	default:
		a.late = true
		s.late++
		if seq < s.first {
			s.first = seq
		}
	}
	s.seen[seq/64%(recent/64)] |= 1 << (seq % 64)
	s.unique++
	return a
}

func (s *sequences) has(seq uint64) bool { return s.seen[seq/64%(recent/64)]&(1<<(seq%64)) != 0 }
func (s *sequences) clear(seq uint64)    { s.seen[seq/64%(recent/64)] &^= 1 << (seq % 64) }

// expected is how many packets there should be.
func (s *sequences) expected() uint64 {
	if !s.started {
		return 0
	}
	return s.last - s.first + 1
}

// lost is how many of them are missing now.
func (s *sequences) lost() uint64 { return s.expected() - s.unique }
