// Package forwarder is the media path: it takes the RTP and RTCP packets of every connection of a room and sends each viewer one
// continuous stream per m-line.
//
// A Pool spreads rooms over a few Workers. A Group is the media of one room; a Peer is one PeerConnection in it; an UpTrack is what a
// client publishes on one m-line, in one Encoding per simulcast RID; a DownTrack is one m-line towards a viewer, whose source can be
// switched at any time. A Slot is the pair of an audio and a video DownTrack that a browser plays in sync.
//
// # A packet's way
//
// Peer.Receive copies a decrypted datagram into the worker's bounded queue. The worker takes what has gathered and calls
// router.Receive: the header is parsed once, the SSRC finds its Encoding, a retransmission is unwrapped, the packet gets an extended
// sequence number and a place in the encoding's history. Then every DownTrack of the UpTrack sees it: the selector decides whether
// the packet passes, the rewriter gives it the viewer's numbers, and it joins the Batch as {header, changed payload prefix,
// shared payload}. Once per receive batch the Egress takes the Batch; the payloads belong to the histories again when it returns.
//
// # A NACK's way
//
// RTCP enters the same queue. The DownTrack maps the viewer's sequence number back to (encoding, sequence number), fetches the
// payload from the shared history and sends it again, in the RTX stream where one is negotiated. Packets that we miss ourselves are
// asked for by the encoding's own NACK generator; what arrives late takes the number that was kept for it.
//
// # Ownership
//
// One goroutine per Worker owns all media state of its rooms: no lock, map lookup, allocation or clock call happens per packet.
// Exported methods of Group, Peer, UpTrack and DownTrack may be called from any goroutine; they post a command and return at once,
// and commands of one caller keep their order. Observers are called on the worker's goroutine and must not block or call back.
// Time is an Instant that is read once per wake-up and handed down; nothing below router reads a clock.
package forwarder
