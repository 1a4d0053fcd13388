// Command bench measures what the server costs: every shape of load in shapes.go against our server and, where that says something, against
// plain pion (internal/plainsfu), in turns on the same machine. It prints medians with their spread, ratios, and whether the targets are
// met, and writes everything to a file. "make bench" runs it, "make soak" its long run.
//
// # Flow
//
// main.go reads the settings, server.go starts a server on one core, generator.go runs "sfu load" on another and reads its result,
// shapes.go is the table of shapes and targets, table.go sums the runs up and judges, soak.go is the long run and the kill of clients.
//
// Ratios are those of runs next to each other, and their median is what counts: the speed of a shared machine drifts by more than most
// changes are worth.
package main
