package main

import (
	"net"
	"net/netip"
	"testing"
)

// Where the kernel chooses the port, it is free for media over UDP as well.
func TestChosenPortIsFreeForUDP(t *testing.T) {
	taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if freeForUDP(taken.LocalAddr().(*net.UDPAddr).AddrPort().Port()) {
		t.Error("a port that somebody uses counts as free")
	}
	for range 20 {
		l, err := listenBoth(Network{Listen: endpoint{host: netip.MustParseAddr("127.0.0.1"), set: true}})
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: int(portOf(l.Addr()))})
		if err != nil {
			t.Errorf("its number is not free: %v", err)
		} else {
			_ = c.Close()
		}
		_ = l.Close()
	}
}
