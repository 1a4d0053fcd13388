package forwarder

// Counters count the media of a group since it began. Index 0 of a pair is audio, 1 is video (see KindIndex).
type Counters struct {
	// Packets and Bytes of RTP, retransmissions and padding included; Bytes are RTP header and payload, without SRTP and UDP.
	PacketsIn, PacketsOut [2]uint64
	BytesIn, BytesOut     [2]uint64
	// LostIn counts packets of publishers that never arrived, LostOut those that viewers reported lost.
	LostIn, LostOut [2]uint64
	// RetransmittedIn counts repairs that arrived from publishers, RetransmittedOut those sent to viewers.
	RetransmittedIn, RetransmittedOut [2]uint64
	// NACKsOut counts packets asked of publishers, NACKsIn packets that viewers asked for, NACKsUnanswered those that could not
	// be sent again.
	NACKsIn, NACKsOut, NACKsUnanswered uint64
	// KeyframeRequestsIn counts what viewers and switches asked for, KeyframeRequestsOut what was sent to publishers; the
	// difference was coalesced.
	KeyframeRequestsIn, KeyframeRequestsOut, Keyframes uint64
	// LayerSwitches counts changes of the encoding or the source that a viewer receives.
	LayerSwitches uint64
	// Dropped counts packets of publishers that were not forwarded at all, by reason.
	Dropped [dropReasons]uint64
	// Withheld counts packets that a single viewer did not get because its connection was full.
	Withheld uint64
}

// KindIndex returns the index of k in the pairs of Counters.
func KindIndex(k Kind) int {
	if k == Video {
		return 1
	}
	return 0
}

// A DropReason says why a packet of a publisher went nowhere.
type DropReason uint8

// The reasons of Counters.Dropped.
const (
	DropMalformed   DropReason = iota // not RTP or RTCP that can be read
	DropUnknown                       // no m-line for its SSRC, or a payload type that was not negotiated
	DropUnpublished                   // an m-line that the client may not or does not publish on
	DropDuplicate                     // seen before
	DropLate                          // older than the history reaches
	DropPoliced                       // over the track's limits
	dropReasons
)

// String returns the reason as it stands in metrics.
func (r DropReason) String() string {
	return [...]string{"malformed", "unknown", "unpublished", "duplicate", "late", "policed"}[r]
}

// DropReasons returns every reason, for metrics.
func DropReasons() []DropReason {
	all := make([]DropReason, dropReasons)
	for i := range all {
		all[i] = DropReason(i)
	}
	return all
}

// PoolStats are counts over all workers.
type PoolStats struct {
	// QueueDropped counts datagrams that found a worker's queue full.
	QueueDropped uint64
}
