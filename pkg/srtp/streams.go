package srtp

// windowSize is how many packets, up to the highest one, are told from replays.
const windowSize = 1024

// A window knows which indices of one SSRC were received: the highest one and windowSize-1 below it (RFC 3711 section 3.3.2). The
// zero window has seen nothing.
type window struct {
	highest uint64
	// bits has one for each index of the window, at the index modulo windowSize.
	bits [windowSize / 64]uint64
}

// guess returns the index that a packet with sequence number seq most likely has: the one next to the highest (RFC 3711 appendix A).
// No index is negative, and the roll-over counter never goes round, which would use a nonce again.
func (w *window) guess(seq uint16) uint64 {
	roc, highest, got := w.highest>>16, int(uint16(w.highest)), int(seq)
	switch {
	case highest < 1<<15 && got-highest > 1<<15 && roc > 0:
		roc--
	case highest >= 1<<15 && highest-1<<15 > got && roc < maxROC:
		roc++
	}
	return roc<<16 | uint64(seq)
}

// has reports whether index was received, or is too old to know.
func (w *window) has(index uint64) bool {
	if index > w.highest {
		return false
	}
	return w.highest-index >= windowSize || w.bits[index/64%(windowSize/64)]>>(index%64)&1 != 0
}

// add notes that index was received.
func (w *window) add(index uint64) {
	if index > w.highest {
		if index-w.highest >= windowSize {
			clear(w.bits[:])
		} else {
			for i := w.highest + 1; i < index; i++ {
				w.bits[i/64%(windowSize/64)] &^= 1 << (i % 64)
			}
		}
		w.highest = index
	}
	w.bits[index/64%(windowSize/64)] |= 1 << (index % 64)
}

// A stream is what is known of one SSRC.
type stream struct {
	received window
	// heard is what streams.packets was at its last packet.
	heard uint64
}

// streams are the SSRCs from which authentic packets came, limit at most.
type streams struct {
	limit int
	// ssrcs and states belong together by their positions; the numbers stand alone because they are searched.
	ssrcs  []uint32
	states []stream
	// latest is where the last search ended.
	latest int
	// packets counts those that were authentic.
	packets uint64
	// made counts what was added.
	made uint64
}

// find returns the state of ssrc, nil for one that is not known. It is valid until add is called.
func (t *streams) find(ssrc uint32) *stream {
	if t.latest < len(t.ssrcs) && t.ssrcs[t.latest] == ssrc {
		return &t.states[t.latest]
	}
	for i, known := range t.ssrcs {
		if known == ssrc {
			t.latest = i
			return &t.states[i]
		}
	}
	return nil
}

// add makes room for ssrc, which is not known, if need be in place of the stream that was heard longest ago.
func (t *streams) add(ssrc uint32) *stream {
	t.made++
	if len(t.ssrcs) < t.limit {
		t.latest = len(t.ssrcs)
		t.ssrcs = append(t.ssrcs, ssrc)
		t.states = append(t.states, stream{})
		return &t.states[t.latest]
	}
	t.latest = 0
	for i := range t.states {
		if t.states[i].heard < t.states[t.latest].heard {
			t.latest = i
		}
	}
	t.ssrcs[t.latest], t.states[t.latest] = ssrc, stream{}
	return &t.states[t.latest]
}

// hear notes an authentic packet of s.
func (t *streams) hear(s *stream, index uint64) {
	t.packets++
	s.heard = t.packets
	s.received.add(index)
}

const (
	// maxSecondGuesses is how many guesses in a row may be wrong. Streams that begin right before a roll-over are rare, and lose few
	// packets before one arrives.
	maxSecondGuesses = 32
	// packetsPerGuess is how many packets give one of them back, forged or not: forgeries cost at most a 64th more for ever, and no
	// stream is locked out for good.
	packetsPerGuess = 64
)

// A budget bounds how often an unknown SSRC is tried with a second roll-over counter, for anybody can make up SSRCs.
type budget struct {
	left int
	// unknown counts the packets of unknown SSRCs, credited all packets that have given something back.
	unknown, credited uint64
}

// allow counts a packet of an unknown SSRC and reports whether a guess is left for it. authentic is how many packets authenticated.
func (b *budget) allow(authentic uint64) bool {
	b.unknown++
	gained := (authentic + b.unknown - b.credited) / packetsPerGuess
	b.credited += gained * packetsPerGuess
	b.left = int(min(uint64(b.left)+gained, maxSecondGuesses))
	return b.left > 0
}

// spend takes away a guess, which was wrong.
func (b *budget) spend() { b.left-- }
