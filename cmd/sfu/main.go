// Command sfu is a selective forwarding unit for video conferences: it serves the page, speaks the signalling protocol and forwards
// the media, on one port.
//
// Run reads the command line; settings.go is the one table of everything that can be set; serve.go builds the parts, runs them and
// drains. serve owns every goroutine that it starts and waits for it.
package main

import (
	"context"
	"os"
)

func main() { os.Exit(Run(context.Background(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }
