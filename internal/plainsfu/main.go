// Command plainsfu is a selective forwarding unit of plain pion, the baseline against which sfu is measured; see package baseline.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sfu/internal/plainsfu/baseline"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "plainsfu:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:8090", "address and port of HTTP; media uses the same UDP port")
	var cfg baseline.Config
	flag.BoolVar(&cfg.DefaultRole, "default-role", false, "take pion's default DTLS role, in which clients choose the cipher")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	tcp := listener.Addr().(*net.TCPAddr)
	server, err := baseline.New(&net.UDPAddr{IP: tcp.IP, Port: tcp.Port}, cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer server.Close()
	web := &http.Server{Handler: server, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(listener) }()
	fmt.Printf("plainsfu listens on http://%s\n", tcp)
	select {
	case <-ctx.Done():
		return web.Close()
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	}
}
