package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestM37_NothingInternalOnTheMainPort(t *testing.T) {
	r := startNode(t, parts{Rooms: says("secret"), Metrics: says("sfu_build_info")}, "--admin-listen=127.0.0.1:0")
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/profile", "/debug/vars", "/admin", "/rooms", "/metrics/", "/%6detrics/x", "/debug/pprof/cmdline"} {
		if status, body := get(t, r.url(path)); status != http.StatusNotFound {
			t.Errorf("%s: %d %.100s", path, status, body)
		}
	}
	request, err := http.NewRequest("GET", r.url("/metrics"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", "127.0.0.1")
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("metrics through a proxy: %d", response.StatusCode)
	}
}

func TestAdminRefusesReboundNames(t *testing.T) {
	r := startNode(t, parts{}, "--admin-listen=127.0.0.1:0")
	request, err := http.NewRequest("GET", r.adminURL("/metrics"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "evil.example"
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("got %d", response.StatusCode)
	}
}

func TestM1_SlowHeaderIsClosed(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the deadline of 5 s")
	}
	t.Parallel()
	r := startNode(t, parts{})
	c, err := net.Dial("tcp", r.ports.main.HTTP().Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for _, b := range []byte("GET / HTTP/1.1\r\nHost: a-header-that-never-comes-to-its-end") {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
	_ = c.SetReadDeadline(time.Now().Add(10 * readHeaderTimeout))
	var timeout net.Error
	if _, err := io.ReadAll(c); errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("the connection is still open")
	}
	close(stop)
	_ = c.Close()
	writer.Wait()
}

func TestHugeHeaderIsRefused(t *testing.T) {
	r := startNode(t, parts{})
	c, err := net.Dial("tcp", r.ports.main.HTTP().Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = fmt.Fprintf(c, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Big: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	line, _ := bufio.NewReader(c).ReadString('\n')
	if line != "" && !strings.Contains(line, "431") { // the answer may be lost in the reset
		t.Errorf("got %q", line)
	}
}

func TestM34_IdleConnectionsDisturbNobody(t *testing.T) {
	r := startNode(t, parts{})
	for i := range 200 {
		c, err := net.Dial("tcp", r.ports.main.HTTP().Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 { // half of them say something
			_, _ = io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
		}
	}
	if status, _ := get(t, r.url("/livez")); status != 200 {
		t.Errorf("got %d", status)
	}
}

func TestM34_HTTP2IsOff(t *testing.T) {
	r := startNode(t, parts{}, "--tls-self", "--state-dir="+t.TempDir())
	c, err := tls.Dial("tcp", r.ports.main.HTTP().Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("negotiated %q", got)
	}
	plain, err := net.Dial("tcp", r.ports.main.HTTP().Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	_ = plain.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(plain, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if answer, _ := bufio.NewReader(plain).ReadString('\n'); strings.Contains(answer, "200") {
		t.Errorf("HTTP/2 without TLS is answered: %q", answer)
	}
}
