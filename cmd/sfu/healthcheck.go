package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"
)

// healthcheckTimeout is below what container engines give a check.
const healthcheckTimeout = 3 * time.Second

// runHealthcheck asks /livez of the server on this machine. It works with and without TLS, because that answers plain HTTP too.
func runHealthcheck(ctx context.Context, args []string, t terminal) error {
	listen := ""
	flags := flag.NewFlagSet("healthcheck", flag.ContinueOnError)
	flags.StringVar(&listen, "listen", "", "")
	if err := parseFlags(flags, args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(t.stdout, "sfu healthcheck asks the server on this machine whether it is alive.\n\n"+
				"Flags:\n  --listen=[HOST]:PORT\n        What the server was given. Without it SFU_LISTEN, or :8080.\n")
			return nil
		}
		return err
	}
	e, err := parseEndpoint(firstSet(listen, t.env["SFU_LISTEN"], ":8080"))
	if err != nil {
		return usagef("--listen: %w", err)
	}
	return askLive(ctx, e)
}

func firstSet(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func askLive(ctx context.Context, e endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(e)+"/livez", nil)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy: the server is here
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
		return fmt.Errorf("the server answered %s: %s", response.Status, body)
	}
	return nil
}

// reachable is the address of an endpoint as it can be asked on this machine.
func reachable(e endpoint) string {
	host := e.host
	switch {
	case !host.IsValid() || host == netip.IPv4Unspecified():
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case host == netip.IPv6Unspecified():
		host = netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(host, e.port).String()
}
