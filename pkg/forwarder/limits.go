package forwarder

// Limits bound what one client may send. A zero field takes its default.
type Limits struct {
	// SSRCs is how many SSRCs one connection may use, retransmissions included. Default 32.
	SSRCs int
	// TrackPacketsPerSecond bounds one track over all its encodings. Default 2000.
	TrackPacketsPerSecond int
	// AudioBitsPerSecond, CameraBitsPerSecond and ScreenBitsPerSecond bound one track; 150 % of it is tolerated for two
	// seconds. Defaults 500 000, 5 000 000 and 8 000 000.
	AudioBitsPerSecond, CameraBitsPerSecond, ScreenBitsPerSecond int
}

// bitsPerSecond returns the limit of one track of s.
func (l Limits) bitsPerSecond(s Source) int {
	switch s {
	case Camera:
		return l.CameraBitsPerSecond
	case Screen:
		return l.ScreenBitsPerSecond
	}
	return l.AudioBitsPerSecond
}

func (l Limits) withDefaults() Limits {
	fill := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	fill(&l.SSRCs, 32)
	fill(&l.TrackPacketsPerSecond, 2000)
	fill(&l.AudioBitsPerSecond, 500_000)
	fill(&l.CameraBitsPerSecond, 5_000_000)
	fill(&l.ScreenBitsPerSecond, 8_000_000)
	return l
}
