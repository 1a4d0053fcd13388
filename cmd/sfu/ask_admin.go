package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// adminRequest is a subcommand that asks the operator's port of a server.
type adminRequest struct {
	name, summary string
	method, path  string
	show          func(io.Writer, []byte) error
	wait          bool
}

func (a adminRequest) run(ctx context.Context, args []string, t terminal) error {
	at := ""
	wait := a.wait
	flags := flag.NewFlagSet(a.name, flag.ContinueOnError)
	flags.StringVar(&at, "admin", "", "")
	if a.wait {
		flags.BoolVar(&wait, "wait", true, "")
	}
	if err := parseFlags(flags, args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			a.help(t.stdout)
			return nil
		}
		return err
	}
	at = strings.TrimSuffix(strings.TrimPrefix(at, "http://"), "/") // as it stands in a browser
	e, err := parseEndpoint(firstSet(at, t.env["SFU_ADMIN_LISTEN"]))
	if err != nil {
		return usagef("--admin (or SFU_ADMIN_LISTEN): %w; it is what the server was given as --admin-listen", err)
	}
	body, err := askAdmin(ctx, e, a.method, a.path)
	if err != nil {
		return err
	}
	if wait {
		if body, err = awaitVacant(ctx, e, t.stdout); err != nil {
			return err
		}
	}
	return a.show(t.stdout, body)
}

func (a adminRequest) help(w io.Writer) {
	fmt.Fprintf(w, "sfu %s: %s.\n\nFlags:\n  --admin=[HOST]:PORT\n        The server's --admin-listen. Without it SFU_ADMIN_LISTEN.\n", a.name, a.summary)
	if a.wait {
		fmt.Fprint(w, "  --wait=false\n        Do not wait until everybody has gone.\n")
	}
}

// askAdmin asks a server's operators' port on this machine, or another one.
func askAdmin(ctx context.Context, e endpoint, method, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+reachable(e)+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("read the server's answer: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("the server answered %s: %s", response.Status, body)
	}
	return body, nil
}

// awaitVacant waits until nobody is left, or the drain is taken back.
func awaitVacant(ctx context.Context, e endpoint, w io.Writer) ([]byte, error) {
	last := -1
	for {
		body, err := askAdmin(ctx, e, http.MethodGet, "/drain")
		if err != nil {
			return nil, err
		}
		var now drainAnswer
		if err := json.Unmarshal(body, &now); err != nil {
			return nil, fmt.Errorf("read the server's answer: %w", err)
		}
		if !now.Draining || now.Remaining == 0 {
			return body, nil
		}
		if now.Remaining != last {
			last = now.Remaining
			fmt.Fprintf(w, "%d participants are left, for at most %.0f s\n", last, now.Seconds)
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func showDrain(w io.Writer, body []byte) error {
	var a drainAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	switch {
	case !a.Draining:
		fmt.Fprintf(w, "the server takes new people; %d are there\n", a.Remaining)
	case a.Remaining == 0:
		fmt.Fprintln(w, "nobody is left; the server may be stopped, or taken back with sfu undrain")
	default:
		fmt.Fprintf(w, "draining; %d participants are left, for at most %.0f s\n", a.Remaining, a.Seconds)
	}
	return nil
}
