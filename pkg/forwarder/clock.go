package forwarder

import (
	"math"
	"time"
)

// An ntpTime is a point of a sender's wall clock in the format of RTCP: seconds since 1900 in 32.32 fixed point
// (RFC 3550 section 4).
type ntpTime uint64

// ntpUnix is 1970 in NTP seconds.
const ntpUnix = 2_208_988_800

// ntpFromTime returns t as NTP time. It wraps in 2036 as the format does.
func ntpFromTime(t time.Time) ntpTime {
	return ntpTime(uint64(t.Unix()+ntpUnix)<<32) + ntpFraction(int64(t.Nanosecond()))
}

// time returns n as wall-clock time; it is taken to lie between 1968 and 2104 (RFC 4330 section 3).
func (n ntpTime) time() time.Time {
	seconds := int64(n >> 32)
	if n>>63 == 0 {
		seconds += 1 << 32
	}
	return time.Unix(seconds-ntpUnix, ntpNanoseconds(uint32(n))).UTC()
}

// sub returns the time from m to n, which must not be more than 68 years apart.
func (n ntpTime) sub(m ntpTime) time.Duration {
	d := int64(n - m)
	return time.Duration(d>>32)*time.Second + time.Duration(ntpNanoseconds(uint32(d)))
}

// add returns the time d later.
func (n ntpTime) add(d time.Duration) ntpTime {
	seconds, rest := d/time.Second, d%time.Second
	if rest < 0 {
		seconds, rest = seconds-1, rest+time.Second
	}
	return n + ntpTime(uint64(seconds)<<32) + ntpFraction(int64(rest))
}

func ntpFraction(ns int64) ntpTime { return ntpTime((uint64(ns)<<32 + 500_000_000) / 1_000_000_000) }

func ntpNanoseconds(fraction uint32) int64 {
	return int64((uint64(fraction)*1_000_000_000 + 1<<31) >> 32)
}

// clockTicks returns d in units of a clock of rate Hz, rounded towards 0.
func clockTicks(d time.Duration, rate uint32) int64 {
	seconds, rest := int64(d/time.Second), int64(d%time.Second)
	return seconds*int64(rate) + rest*int64(rate)/int64(time.Second)
}

const (
	// clockSamples is how many sender reports a line is drawn through, clockMemory how old they may be.
	clockSamples = 8
	clockMemory  = time.Minute
	// A report may lie off the line by clockNoise times the others' mean distance, within these bounds.
	clockNoise        = 4
	clockMinTolerance = 10 * time.Millisecond
	clockMaxTolerance = 100 * time.Millisecond
	// clockSkew is how far a real clock can be off its nominal rate.
	clockSkew = 0.005
	// clockSpan is the time that reports must span before their slope means anything.
	clockSpan = 4 * time.Second
)

// A clockSample is one sender report.
type clockSample struct {
	ntp ntpTime
	rtp uint32
	at  Instant
}

// A senderClock relates the RTP timestamps of one encoding to the publisher's wall clock, by a line through the recent sender
// reports (RFC 3550 section 6.4.1). With N the newest report, x = ntp - N.ntp in seconds and y = rtp - N.rtp in ticks (both signed,
// so that they may wrap),
//
//	y = offset + slope * x
//	slope = sum((x_i - mean x) * (y_i - mean y)) / sum((x_i - mean x)^2), offset = mean y - slope * mean x
//
// where slope is the nominal rate until three reports span 4 s, and is kept within 0.5 % of it always. A report that lies off the
// line by more than four times the mean distance of the others, within 10 to 100 ms, is refused; when the next one refutes the line
// too and agrees with the refused one, both begin a new line.
type senderClock struct {
	rate    uint32
	samples [clockSamples]clockSample // oldest first
	n       int
	doubt   clockSample
	doubted bool

	slope, offset float64
	tolerance     int64 // ticks
}

// newSenderClock returns the clock of an encoding whose timestamps count at rate Hz.
func newSenderClock(rate uint32) senderClock { return senderClock{rate: rate} }

// report takes a sender report that arrived at the given time. One without a wall-clock time (0) is ignored.
func (c *senderClock) report(ntp uint64, rtp uint32, at Instant) {
	s := clockSample{ntp: ntpTime(ntp), rtp: rtp, at: at}
	switch {
	case ntp == 0 || c.rate == 0:
	case c.n == 0:
		c.append(s)
	case c.agrees(s):
		c.doubted = false
		if s.ntp.sub(c.newest().ntp) > 0 {
			c.append(s)
		}
	case c.doubted && c.confirms(s):
		c.n, c.doubted = 0, false
		c.append(c.doubt)
		c.append(s)
	default:
		c.doubt, c.doubted = s, true
	}
}

func (c *senderClock) agrees(s clockSample) bool {
	predicted, _ := c.rtpAt(s.ntp)
	return c.near(int64(int32(s.rtp - predicted)))
}

// confirms reports whether s follows the refused report at the nominal rate.
func (c *senderClock) confirms(s clockSample) bool {
	elapsed := s.ntp.sub(c.doubt.ntp)
	predicted := c.doubt.rtp + uint32(clockTicks(elapsed, c.rate))
	return elapsed > 0 && c.near(int64(int32(s.rtp-predicted)))
}

func (c *senderClock) near(ticks int64) bool { return ticks <= c.tolerance && ticks >= -c.tolerance }

func (c *senderClock) newest() *clockSample { return &c.samples[c.n-1] }

func (c *senderClock) append(s clockSample) {
	stale := 0
	for stale < c.n && (s.at.Sub(c.samples[stale].at) > clockMemory || c.n-stale == clockSamples) {
		stale++
	}
	copy(c.samples[:], c.samples[stale:c.n])
	c.n -= stale
	c.samples[c.n] = s
	c.n++
	c.fit()
}

// position returns s in seconds and ticks from the newest report.
func (c *senderClock) position(s clockSample) (x, y float64) {
	origin := c.newest()
	return s.ntp.sub(origin.ntp).Seconds(), float64(int32(s.rtp - origin.rtp))
}

func (c *senderClock) fit() {
	var meanX, meanY float64
	for _, s := range c.samples[:c.n] {
		x, y := c.position(s)
		meanX += x / float64(c.n)
		meanY += y / float64(c.n)
	}
	c.slope = float64(c.rate)
	if c.n >= 3 && c.newest().ntp.sub(c.samples[0].ntp) >= clockSpan {
		var xy, xx float64
		for _, s := range c.samples[:c.n] {
			x, y := c.position(s)
			xy += (x - meanX) * (y - meanY)
			xx += (x - meanX) * (x - meanX)
		}
		c.slope = min(max(xy/xx, c.slope*(1-clockSkew)), c.slope*(1+clockSkew))
	}
	c.offset = meanY - c.slope*meanX
	var distance float64
	for _, s := range c.samples[:c.n] {
		x, y := c.position(s)
		distance += math.Abs(c.offset+c.slope*x-y) / float64(c.n)
	}
	c.tolerance = int64(clockNoise * distance)
	c.tolerance = max(c.tolerance, clockTicks(clockMinTolerance, c.rate))
	c.tolerance = min(c.tolerance, clockTicks(clockMaxTolerance, c.rate))
}

// rtpAt returns the RTP timestamp of the publisher's time n. ok is false before the first sender report.
func (c *senderClock) rtpAt(n ntpTime) (rtp uint32, ok bool) {
	if c.n == 0 {
		return 0, false
	}
	origin := c.newest()
	y := c.offset + c.slope*n.sub(origin.ntp).Seconds()
	return origin.rtp + uint32(int64(math.Round(y))), true
}

// ntpAt returns the publisher's time of an RTP timestamp, which is taken to lie within half a cycle of the newest sender report.
// ok is false before the first sender report.
func (c *senderClock) ntpAt(rtp uint32) (n ntpTime, ok bool) {
	if c.n == 0 {
		return 0, false
	}
	origin := c.newest()
	x := (float64(int32(rtp-origin.rtp)) - c.offset) / c.slope
	return origin.ntp.add(time.Duration(math.Round(x * float64(time.Second)))), true
}

const (
	participantBucket = 5 * time.Second
	// participantBuckets cover the last 30 s and what has gone of the current bucket.
	participantBuckets = 7
	// participantStep is a change that no delay on the way explains, participantAgreement how well two reports must agree on it.
	participantStep      = time.Second
	participantAgreement = 100 * time.Millisecond
)

// A participantClock relates a publisher's wall clock to our monotonic time, for all its streams alike so that sound and picture
// stay together:
//
//	instant = ntp + offset, offset = min over the last 30 s of (arrival - ntp) of its sender reports
//
// The least delayed report is the one that tells most; offset contains its delay on the way. An arrival more than a second off is
// refused; when the next one is as far off, within 100 ms, the publisher's clock has been set and offset begins anew.
type participantClock struct {
	origin  ntpTime
	minima  [participantBuckets]time.Duration
	bucket  int64 // of the newest observation, counted from Instant 0
	offset  time.Duration
	doubt   time.Duration
	doubted bool
	started bool
}

// observe takes the NTP time of a sender report that arrived at the given time.
func (c *participantClock) observe(n ntpTime, at Instant) {
	if n == 0 {
		return
	}
	if !c.started {
		c.origin = n
		c.restart(at)
	}
	delay := time.Duration(at) - n.sub(c.origin)
	if c.offset != math.MaxInt64 && (delay-c.offset).Abs() > participantStep {
		if !c.doubted || (delay-c.doubt).Abs() > participantAgreement {
			c.doubt, c.doubted = delay, true
			return
		}
		c.restart(at)
	}
	c.doubted = false
	c.advance(at)
	slot := &c.minima[c.bucket%participantBuckets]
	*slot = min(*slot, delay)
	c.offset = math.MaxInt64
	for _, m := range c.minima {
		c.offset = min(c.offset, m)
	}
}

func (c *participantClock) restart(at Instant) {
	for i := range c.minima {
		c.minima[i] = math.MaxInt64
	}
	c.bucket = int64(at) / int64(participantBucket)
	c.offset = math.MaxInt64
	c.started = true
}

// advance forgets the buckets that at has left behind.
func (c *participantClock) advance(at Instant) {
	now := int64(at) / int64(participantBucket)
	for b := max(c.bucket+1, now-participantBuckets+1); b <= now; b++ {
		c.minima[b%participantBuckets] = math.MaxInt64
	}
	c.bucket = max(c.bucket, now)
}

// ntpAt returns what the publisher's clock said at our time at, the inverse of instant.
func (c *participantClock) ntpAt(at Instant) (n ntpTime, ok bool) {
	if !c.started {
		return 0, false
	}
	return c.origin.add(time.Duration(at) - c.offset), true
}
