package main

import "runtime/debug"

// gcPercent is what the heap may grow between two collections, in percent of what is alive (GOGC). The media path makes no garbage, so that
// collecting twice as often as Go does by itself costs joins a few percent and saves a seventh of the memory of idle participants.
const gcPercent = 50

// tuneGC sets gcPercent where the environment does not say otherwise. A soft limit is GOMEMLIMIT's, which Go reads by itself.
func tuneGC(env environment) {
	if env["GOGC"] == "" {
		debug.SetGCPercent(gcPercent)
	}
}
