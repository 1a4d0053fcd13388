// Package synthetic makes media without a camera or an encoder: RTP streams that look to a forwarder like those of a browser.
//
// A Track is what one m-line carries, in one or more simulcast encodings. Each encoding makes frames of the right size for its
// bitrate, with temporal layers and keyframes; each frame becomes packets whose payloads begin as the codec prescribes (shape) and
// end with a Stamp: who sent it, in which encoding, as the how-manieth packet, when, and a checksum. A receiver that reads stamps
// knows loss, latency and damage exactly, whatever the server did to the packet's head.
//
// # Flow
//
// A Source sends the tracks of one PeerConnection, and goes on with the next when that is replaced (Reconnect). Its goroutine sleeps until a frame is due or the pacer lets the next packets go;
// packets are built at the moment they leave, into the encoding's history, from which NACKs are answered. Feedback takes the RTCP
// that comes back: NACK, PLI, FIR and reports. Everything is timed by one clock, and a sender report goes out each second.
//
// # Goroutines and locks
//
// A Source owns one goroutine, which Close ends and awaits, and one lock that guards all its streams; Feedback may be called from any
// goroutine. Sockets and SRTP are behind the Writer that Bind is given. encoder, shape, pacer and Stamp are pure.
package synthetic
