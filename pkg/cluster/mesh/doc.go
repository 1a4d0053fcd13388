// Package mesh is the way between the nodes of a cluster: TLS 1.3 with a certificate on each side, over which a node passes on its clients'
// requests to the node that owns their room, looks whether another node lives, and hands a room over.
//
// # Who is who
//
// There is no PKI. Every node derives the same certificate authority from the cluster's secret (HKDF, RFC 5869; Ed25519, RFC 8032), and
// every process signs a certificate for itself at start. Its name is the process's incarnation, <incarnation>.node.sfu.internal. A dialler
// means one incarnation: a process that was started again at the same address is another one (ErrWrongNode), and it shows this with its
// private key, so the old process is known to be gone. Certificates are good from 1970 to 9999: what ends them is the end of the
// process, or of the secret, and no clock has to be right. To change the secret, give all nodes {old, new}, then {new, old}, then {new}: the
// first one signs, all are trusted. A certificate lets anyone who can connect try secrets offline, so the secret must be
// random and not a password; 16 bytes are the least that is taken.
//
// # A request's way
//
// The edge is the node that the client came to. Mesh.Proxy takes its request, drops what the client wrote into the headers that are
// ours or that tell addresses, adds Sfu-Room, Sfu-Epoch, Sfu-Client-Addr, Sfu-Client-Host, Sfu-Client-Proto and Sfu-Hop (headers.go), and sends it
// to the owner with path and query as they are. The owner compares the epoch with its own: where it differs, 409 brings the owner's
// epoch back and Proxy returns a NotOwnerError, having written nothing, so that the caller can look again. Where it is the same, the
// handler for clients serves the request as if the client had come directly; only Proxied tells. A request is passed on once and never again.
//
// Plain requests share kept-alive connections. A WebSocket takes a connection of its own, made by resuming a TLS session; once it is
// upgraded, bytes are copied both ways (tunnel.go). A direction holds 512 bytes while it is idle and reads no more than it could write, so a
// slow reader slows the writer down. The end of one side is passed on to the other at once. Cut ends all that is shared with a peer
// that was declared dead.
//
// A request without Sfu-Hop is from the node itself: GET /cluster/v1/probe, GET /cluster/v1/rooms/{rid} and POST
// /cluster/v1/rooms/{rid}/handover (api.go, client.go).
//
// # Goroutines and locks
//
// Serve accepts on its caller's goroutine; net/http has a goroutine for each connection until a WebSocket is upgraded, which is then the
// handler's. At the edge an upgraded WebSocket has two goroutines of ours and none of net/http: Proxy returns as soon as the owner has
// agreed. The kept-alive connections are http.Transport's. Close ends them all and waits for handlers, tunnels, and calls of Proxy.
//
// Mesh.mu guards who may begin something new and the peers that are known; registry.mu guards the list of proxied connections. Neither is
// held while the other is taken or while anything is called that may block.
package mesh
