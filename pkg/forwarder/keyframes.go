package forwarder

import (
	"slices"
	"time"
)

const (
	// keyframeGuard is how long after a keyframe an encoder ignores requests for another.
	keyframeGuard = 300 * time.Millisecond
	// keyframeTogether is how far apart the keyframes are that one request makes in all simulcast encodings.
	keyframeTogether = 100 * time.Millisecond
	// keyframeEncoding is what making and sending a keyframe takes beyond the round trip and a frame's time.
	keyframeEncoding     = 60 * time.Millisecond
	keyframeMinTimeout   = 150 * time.Millisecond
	keyframeFirstTimeout = 500 * time.Millisecond
	keyframeMaxTimeout   = time.Second
	// keyframeTries are made with growing timeouts, the further ones every keyframeSlow.
	keyframeTries = 6
	keyframeSlow  = 2 * time.Second
	// keyframeBurst requests may be sent at once to a source, one per keyframeRefill for good.
	keyframeBurst  = 4
	keyframeRefill = time.Second
	// keyframeDefaultFPS and keyframeDefaultRTT are assumed while unknown.
	keyframeDefaultFPS = 30
	keyframeDefaultRTT = 100 * time.Millisecond
)

// A keyframeWait is what one encoding waits for and when it had its last keyframe.
type keyframeWait struct {
	wanted bool
	since  Instant
	// asked is set when a request is on its way that should bring this encoding's keyframe, shared when it named another one.
	asked, shared bool
	askedAt       Instant
	tries         int
	keyed         bool
	keyAt         Instant
	// answer is set when the last keyframe followed a request.
	answer bool
}

// A keyframeRequester decides when to ask a publisher for keyframes (PLI, RFC 4585 section 6.3.1) on behalf of all viewers of one
// UpTrack. Requests while one is on its way join it; those within 300 ms after a keyframe are kept until then, because encoders
// ignore them earlier. An unanswered request is repeated. A source gets at most 4 requests at once and one per second for good, but
// an encoding that waits is asked for at least every 2 s.
//
// Some publishers answer any request with keyframes in all encodings. That is learned by seeing it, and then one request serves
// all until a keyframe fails to appear.
type keyframeRequester struct {
	waits []keyframeWait
	// together is set while the publisher makes its keyframes in all encodings at once; latest is when the last one came.
	together bool
	latest   Instant

	// debt is how long it takes until the whole burst is there again, as of spentAt.
	debt    time.Duration
	spentAt Instant
	// requested and sent count for good; the difference was joined to others.
	sent      uint64
	requested uint64
}

// request asks for a keyframe of an encoding, which is a small index.
func (k *keyframeRequester) request(encoding int, now Instant) {
	k.requested++
	w := k.wait(encoding)
	if !w.wanted {
		w.wanted, w.since = true, now
	}
}

func (k *keyframeRequester) wait(encoding int) *keyframeWait {
	for len(k.waits) <= encoding {
		k.waits = append(k.waits, keyframeWait{})
	}
	return &k.waits[encoding]
}

// waitsForAny reports whether somebody waits for a keyframe of any encoding.
func (k *keyframeRequester) waitsForAny() bool {
	return slices.ContainsFunc(k.waits, func(w keyframeWait) bool { return w.wanted })
}

// cancel tells that nobody waits for a keyframe of an encoding any more.
func (k *keyframeRequester) cancel(encoding int) {
	w := k.wait(encoding)
	w.wanted, w.asked, w.shared, w.tries = false, false, false, 0
}

// arrived tells that a keyframe of an encoding begins to arrive.
func (k *keyframeRequester) arrived(encoding int, now Instant) {
	w := k.wait(encoding)
	w.answer = w.asked
	for i := range k.waits {
		o := &k.waits[i]
		if o != w && o.keyed && now.Sub(o.keyAt) <= keyframeTogether && o.answer != w.answer {
			k.together = true
		}
	}
	w.keyed, w.keyAt = true, now
	k.latest = now
	k.cancel(encoding)
}

// poll appends the encodings to ask for now to dst. rtt is the round trip to the publisher, fps the frames/s of what is waited for;
// either may be 0 for unknown.
func (k *keyframeRequester) poll(now Instant, rtt time.Duration, fps float64, dst []int) []int {
	timeout := keyframeTimeout(rtt, fps)
	for i := range k.waits {
		w := &k.waits[i]
		if !w.wanted || !k.ready(w, now, timeout) || k.join(w, now, timeout) || !k.spend(w, now) {
			continue
		}
		w.asked, w.shared, w.askedAt = true, false, now
		w.tries++
		k.sent++
		dst = append(dst, i)
	}
	return dst
}

// keyframeTimeout returns how long the first request may take.
func keyframeTimeout(rtt time.Duration, fps float64) time.Duration {
	if rtt <= 0 {
		rtt = keyframeDefaultRTT
	}
	if fps <= 0 {
		fps = keyframeDefaultFPS
	}
	frame := time.Duration(min(1/fps, 1) * float64(time.Second))
	return min(max(rtt+frame+keyframeEncoding, keyframeMinTimeout), keyframeFirstTimeout)
}

// ready reports whether a request for w makes sense now, were there no other encodings and no budget.
func (k *keyframeRequester) ready(w *keyframeWait, now Instant, timeout time.Duration) bool {
	if !w.asked {
		if w.keyed && now.Sub(w.keyAt) < keyframeGuard {
			return false
		}
		return !k.together || now.Sub(k.latest) >= keyframeGuard || now.Sub(w.since) >= keyframeSlow
	}
	if w.shared && k.latest >= w.askedAt {
		if now.Sub(k.latest) < keyframeTogether {
			return now.Sub(w.askedAt) >= keyframeSlow
		}
		// The others have their keyframes, this one has not: it needs a request of its own.
		k.together = false
		return true
	}
	return now.Sub(w.askedAt) >= w.patience(timeout)
}

// patience returns how long the latest request may take.
func (w *keyframeWait) patience(timeout time.Duration) time.Duration {
	if w.tries >= keyframeTries {
		return keyframeSlow
	}
	return min(timeout<<max(w.tries-1, 0), keyframeMaxTimeout)
}

// join lets w share a request for another encoding that is on its way, where the publisher answers with all.
func (k *keyframeRequester) join(w *keyframeWait, now Instant, timeout time.Duration) bool {
	if !k.together {
		return false
	}
	for i := range k.waits {
		o := &k.waits[i]
		if o != w && o.asked && !o.shared && now.Sub(o.askedAt) < o.patience(timeout) {
			w.asked, w.shared, w.askedAt, w.tries = true, true, o.askedAt, o.tries
			return true
		}
	}
	return false
}

// spend takes a request from the budget, which never keeps w waiting longer than keyframeSlow.
func (k *keyframeRequester) spend(w *keyframeWait, now Instant) bool {
	k.debt = max(0, k.debt-now.Sub(k.spentAt))
	k.spentAt = now
	if k.debt <= (keyframeBurst-1)*keyframeRefill {
		k.debt += keyframeRefill
		return true
	}
	since := w.since
	if w.asked {
		since = w.askedAt
	}
	if now.Sub(since) < keyframeSlow {
		return false
	}
	k.debt = keyframeBurst * keyframeRefill
	return true
}
