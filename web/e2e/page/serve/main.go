// Command serve serves the page alone, on a port of its own choice that it prints, for the browser tests of the page.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"

	"sfu/web"
)

func main() {
	handler, err := web.NewHandler(web.Config{})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/\n", listener.Addr())
	// The tests speak to it from this machine and end it themselves.
	log.Fatal(http.Serve(listener, handler))
}
