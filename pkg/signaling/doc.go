// Package signaling is the JSON wire protocol of PROTOCOL.md and the session that lets one client act in a room.
package signaling
