// Command joincost measures what participants who say nothing cost a server: memory, goroutines and CPU time for each, and how long each
// join took. It starts the server that it is given, on a core of its own where taskset is there, reads what the process uses, lets
// participants join at a steady rate, waits, and reads again. Nothing is asked of the collector before that. What those who are there already
// cost meanwhile does not count as the CPU time of joins.
//
// A participant is a client.Client, with ICE and DTLS as in a browser, and publishes muted tracks. In the shape "line" it has one m-line, a
// microphone, as in the comparison with other servers; in the shape "page" it has what the page offers first: four slots, a microphone and
// a camera in three encodings.
//
// # Files
//
// main.go reads the command line and puts the steps in order; server.go runs the server; usage.go reads what it uses, from /proc and its
// operator's port; crowd.go joins and closes.
//
// # Goroutines
//
// One per join under way, awaited; the clients own theirs.
package main
