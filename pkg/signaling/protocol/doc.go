// Package protocol is the wire format of PROTOCOL.md: a typed struct for each message, the table of codes, a strict decoder for what
// clients send and a plain one for what the server sends.
//
// It imports nothing but the standard library, starts no goroutine and holds no state, so that it can be fuzzed cheaply and used by
// clients written in Go. A frame goes through Decode into a Request, whose Body is one of the types of client.go; EncodeReply and
// EncodeEvent turn the types of server.go into frames.
package protocol
