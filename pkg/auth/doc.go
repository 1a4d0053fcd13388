// Package auth turns a token into a Grant: which room a participant may join and what it may do there.
//
// Without keys every room is open and everyone may do everything but moderate. As soon as a key is configured a signed token
// (JWT, RFC 7519) is needed; the key's id chooses the key, and the key alone decides the algorithm.
//
// The flow of a token through KeyVerifier: size and number of dots (before anything is decoded), key id, algorithm,
// signature, times, room, permissions. The package starts no goroutine. KeyVerifier may be used from any goroutine; its key
// table is replaced as a whole, and the memory of redeemed tokens has a lock of its own.
package auth
