// Package doctor looks at a deployment of the server, from the machine that it runs on or from outside, and says what is wrong with it and
// how to put it right.
//
// # Flow
//
// There are two ways to look. Server.Checks is for the machine or container where a server runs or is going to run: its settings, ports,
// addresses, files and limits. Remote.Checks knows a public address only, as a browser does: it looks up the name, shakes hands, opens a WebSocket,
// and sends media that it gets back, over UDP, TCP and TURN in turn. Run carries out checks and hands on Findings in the order of the checks.
//
// A check is a probe and a judge. Probes gather facts and are thin; judges are pure functions from facts to Findings, called judge…. All that
// can be found, with its meaning and remedy, is the table Kinds; Mistakes says which of these ids name the mistakes that people make most.
// Nothing is asked of the Internet but the addresses that were given.
//
// # Levels and exit codes
//
// A Finding is OK, Info (good to know), Warn (it works, but not for everyone or not for long) or Fail. ExitCode maps the worst one to 0, 0, 3 and
// 4: the command uses 1 and 2 for "could not run" and "wrong command line", as everywhere in sfu.
//
// # Goroutines
//
// Run owns one goroutine for each check under way and returns when all have ended. Every check has a limit of time, at which its context ends; a
// check that does not end with its context is given up a moment later and reported as unfinished, so nothing can hang. The package has no
// locks but the one of the socket that notes where media comes from: what checks of a Remote tell each other is written by one that has ended before
// the others begin.
package doctor
