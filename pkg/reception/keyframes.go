package reception

import "time"

// A browser's decoder asks for a keyframe when none has come for a while, and again each second.
const (
	keyframePatience = 200 * time.Millisecond
	keyframeRepeat   = time.Second
)

// A keyframeWish is whether a line needs a keyframe.
type keyframeWish struct {
	wanted bool
	since  time.Time
	asked  time.Time
	forced bool
}

// want says that nothing can be decoded without a keyframe.
func (k *keyframeWish) want(now time.Time) {
	if !k.wanted {
		k.wanted, k.since = true, now
	}
}

// force asks at once.
func (k *keyframeWish) force() { k.forced = true }

func (k *keyframeWish) arrived() { k.wanted = false }

// due reports whether to ask now.
func (k *keyframeWish) due(now time.Time) bool {
	if k.forced || k.wanted && now.Sub(k.since) >= keyframePatience && now.Sub(k.asked) >= keyframeRepeat {
		k.forced = false
		k.asked = now
		return true
	}
	return false
}
