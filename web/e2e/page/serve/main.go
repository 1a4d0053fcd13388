// Command serve serves the page alone, on a port of its own choice that it prints, for the browser tests of the page. With an argument, that
// file stands for the first script of the page.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"sfu/web"
)

func main() {
	handler, err := web.NewHandler(web.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 1 {
		handler = startingWith(os.Args[1], handler)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/\n", listener.Addr())
	// The tests speak to it from this machine and end it themselves.
	log.Fatal(http.Serve(listener, handler))
}

// startingWith serves the page with another first script. Replaced in the browser, it would cost the cache of all the others.
func startingWith(script string, page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/static/boot.js") {
			http.ServeFile(w, r, script)
			return
		}
		page.ServeHTTP(w, r)
	})
}
