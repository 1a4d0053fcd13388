// Package metrics shows operators what the server counts: as series for Prometheus, and as JSON, room by room.
//
// # The flow
//
// Other packages count in plain fields and know nothing of this one. A scrape asks the Sources for their Stats, once for all,
// and every family of the tables in families_*.go picks its numbers out of that snapshot. Only what a sum cannot tell is
// observed as it happens: how long joins and connections took (ObserveJoin, ObserveConnection) and which HTTP requests were
// answered (CountRequests). None of them is called for a packet. docs/metrics.md is made from the same tables.
//
// # Rooms
//
// Names of rooms are chosen by clients, so the label room is bounded: Options.Rooms live rooms have it at a time, the oldest
// first, each until it ends. All other rooms, and what ended rooms have counted, are in room="_other". roomLabels decides,
// and keeps three promises: the sum over the label is exactly what was counted, so it never falls; _other never falls; a room
// that gets a label late starts at 0 there and leaves in _other what it had counted before.
//
// # Goroutines and locks
//
// The package owns no goroutine. Collecting holds Metrics.mu from the first question to a source to the last series, so that
// snapshots meet roomLabels in their order. Answers of /metrics are gathered at most once a second, and two are written at a
// time.
package metrics
