// Package srtp protects RTP and RTCP with AES-GCM (RFC 3711 and RFC 7714), for callers that seal and open hundreds of thousands of
// packets a second: nothing is allocated or copied per packet, and nothing is looked up in a map.
//
// A Sealer protects what is sent under one direction's keys, an Opener takes off what the other direction's keys protect. Both derive
// their session keys once, of the master key and salt that a DTLS handshake agreed on. There is no master key
// identifier and no rekeying: DTLS-SRTP in WebRTC uses neither. Other protection profiles are not here.
//
// # What the Sealer leaves to its caller
//
// GCM breaks when a key meets one nonce twice, and the nonce of an RTP packet is made of its SSRC, roll-over counter and sequence
// number. So all packets of an SSRC go through one Sealer, and no two different packets bear the same three numbers. The index of
// RTCP packets, which makes their nonce, is the Sealer's own.
//
// # What the Opener remembers
//
// For each SSRC the highest packet index and a bitmap of the 1024 packets up to it. An SSRC gets this by a packet that authenticates
// and not before; when there are as many as allowed, a new one takes the place of the one that has been silent for the most packets.
// What was replaced is forgotten. Its packets pass as those of a new SSRC as long as their roll-over counter is 0 or 1, recorded ones
// too, and cannot be opened from then on. So the number that is allowed should exceed what an honest sender uses.
//
// # Ownership
//
// A Sealer and an Opener each belong to one goroutine at a time; there are no locks. The two halves of a connection are independent.
package srtp
