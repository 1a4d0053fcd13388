// Package web holds the page that people meet in: build-free ES modules under static, embedded in the binary.
//
// Handler serves one HTML shell for two addresses, / (name a room) and /r/{room} (be in it), and the modules under /static/.
// The shell refers to its assets relative to its own address, and the modules find the server from import.meta.url, so the page
// works under any sub-path of any proxy and nobody types or edits an address.
//
// The handler owns no goroutine and no lock: everything is read, hashed and rendered once by NewHandler.
package web
