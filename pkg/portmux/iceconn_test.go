package portmux_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"sfu/pkg/portmux"
)

// TestClientThatStopsReading: everybody who writes to it gets away, and the connection is closed.
func TestClientThatStopsReading(t *testing.T) {
	const within = 50 * time.Millisecond
	m := start(t, portmux.Config{WriteWithin: within})
	client := dial(t, m)
	if err := client.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	send(t, client, check)
	c, err := m.ICE().Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const writers = 3
	ended := make(chan error, writers)
	for range writers {
		go func() {
			packet := make([]byte, 1200)
			for {
				if _, err := c.Write(packet); err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	var late int
	for range writers {
		select {
		case err := <-ended:
			if errors.Is(err, os.ErrDeadlineExceeded) {
				late++
			} else if !errors.Is(err, net.ErrClosed) {
				t.Errorf("a write ended with %v", err)
			}
		case <-time.After(patience):
			t.Fatal("a write hangs")
		}
	}
	if late != 1 {
		t.Errorf("%d writes ran out of time, one does and closes the connection for the others", late)
	}
	if s := m.Stats(); s.Open != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestWritesThatAreRead go on for longer than one of them may take.
func TestWritesThatAreRead(t *testing.T) {
	const within = time.Second
	m := start(t, portmux.Config{WriteWithin: within})
	client := dial(t, m)
	send(t, client, check)
	c, err := m.ICE().Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for begun := time.Now(); time.Since(begun) < within*5/4; {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
}
