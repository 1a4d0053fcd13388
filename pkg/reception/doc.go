// Package reception is the receiving half of a WebRTC client, for tests and load: it counts what arrives on each m-line, checks it, and
// makes the RTCP that a browser would send.
//
// A Receiver is told the m-lines after each negotiation (Configure), the packets as they come (RTP, RTCP), and is asked for feedback
// from time to time (Feedback): receiver reports, transport-wide feedback, NACKs and keyframe requests. It unwraps
// retransmissions, reads stamps (package synthetic), and keeps for each line loss by sequence number, loss by stamps, damage,
// latency, keyframes and picture size.
//
// Decrypting costs a load generator more than anything else. With Config.Sample = n the Receiver counts at the socket, by the
// header, which SRTP leaves in the clear (Clear), and lets only one packet in n through to be decrypted and checked.
//
// # Goroutines and locks
//
// There are no goroutines. One lock guards a Receiver; every method may be called from any goroutine. Time is an argument.
package reception
