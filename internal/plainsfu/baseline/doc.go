// Package baseline is a selective forwarding unit as one writes it with pion in an afternoon: default codecs, default interceptors, a
// TrackLocalStaticRTP per published track that every viewer's sender is bound to, one UDP mux. Of the settings only the order of
// the SRTP profiles is changed (AES-128-GCM first), and the DTLS role that the protocol prescribes, unless Config leaves that to pion.
//
// It is frozen. What sfu costs is told as a ratio to what this costs, measured in the same minutes on the same machine, and that ratio
// means something only while this stays as it is. Do not make it faster, and do not add features to it.
//
// It speaks as much of the signalling protocol as pkg/client needs to join, publish and receive: join, offer, slots. Everything else
// is answered with ok and does nothing. Of simulcast it forwards the encoding "f" alone. Nothing is ever resumed.
//
// A room's lock guards its members, tracks and seats. The server has a goroutine that pings all clients, each session one that reads its
// socket, each published track one that forwards, and each slot m-line one that reads its RTCP, which pion's interceptors need to work.
package baseline
