// Package engine is what nodes agree by: a bucket of small values that change by compare-and-set, and messages between nodes. It is the only
// package that knows NATS. Without External it has a NATS server of its own in the process, which opens no port and keeps nothing on disk; the
// code behind is the same.
//
// # Flow
//
// Open connects (connect.go, embedded.go). Each connection is a session; a supervisor (supervise.go) sees to it that the bucket is there
// (bucket.go) when a session begins and every few seconds after that, and tells the Observer what a pure state machine (condition.go) makes
// of it: Up with the generation, which is when the bucket was created, or Down. An operator who deletes the bucket, or a server that comes back
// empty, is thus a Down and an Up with another generation. An election in the servers' Raft group is neither: the connection stays and
// calls fail for some seconds.
//
// Get, Create, Update and Delete (values.go) are one request each, or a few where a deleted key is created again, and take a second at
// most. Their errors tell what certainly did not happen, ErrUnavailable, from what may have happened or may still, ErrUnknown (errors.go).
// Nothing is ever repeated or buffered for later. Get asks the leader of the bucket, never a follower, but a leader that was deposed
// without knowing may still answer: what is read may choose whom to ask, only compare-and-set may decide.
//
// A deleted key leaves a marker, which the server removes after a second. Keys never expire.
//
// # Permissions
//
// Where the servers restrict users, ours may publish to and subscribe to its messages' subjects and "_INBOX.>", and may publish to
// "$KV.SFU_ROOMS.>", "$JS.API.STREAM.INFO.KV_SFU_ROOMS", "$JS.API.STREAM.MSG.GET.KV_SFU_ROOMS" and, unless somebody else creates the
// bucket, "$JS.API.STREAM.CREATE.KV_SFU_ROOMS".
//
// # Goroutines and locks
//
// The Engine owns the supervisor, which alone calls the Observer, one goroutine for a check under way and one for each request under way: nats.go
// holds its lock while it dials, and a request must not wait for that. nats.go has a goroutine for each subscription, which calls
// its handler, and four for the connection. Close ends and awaits all of these and then the server; it must not be called by a handler or the
// Observer. Engine.mu guards whether new goroutines may start, and is held for nothing else.
//
// nats.go's callbacks and the dialer, which runs under nats.go's lock, only set Engine.session and wake the supervisor.
package engine
