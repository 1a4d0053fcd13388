package engine

import (
	"context"
	"errors"
	"net"
	"testing"
)

// A connection that nobody closed is closed when there is another.
func TestDialerHasOneConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d := &dialer{ctx: ctx, dialing: func() {}}
	d.released.Store(true)
	var conns [2]net.Conn
	for i := range conns {
		if conns[i], err = d.Dial("tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conns[0].Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the first one: %v", err)
	}
	if _, err := conns[1].Write([]byte("x")); err != nil {
		t.Errorf("the second one: %v", err)
	}
	if err := conns[1].Close(); err != nil {
		t.Error(err)
	}
}
