package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"sfu/pkg/address"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
	"sfu/pkg/signaling"
	"sfu/pkg/transport"
	"sfu/pkg/turn"
	"sfu/web"
)

// assemble makes the parts and joins them. This is the place where packages meet.
func assemble(m materials) (parts, error) {
	cfg := m.Config
	engine, err := transport.NewEngine(transport.Config{
		Addresses: mediaAddresses(m.Plan, routeSource), Port: int(m.MediaPort), TCP: m.ICE, VideoCodecs: cfg.Media.VideoCodecs,
		Log: m.Log,
	})
	if err != nil {
		return parts{}, fmt.Errorf("open the media sockets: %w", err)
	}
	pool := forwarder.NewPool(forwarder.Config{Workers: cfg.Media.Workers, Egress: engine, Log: m.Log})
	rooms := room.NewRegistry(pool, room.Config{MaxRooms: cfg.Limits.MaxRooms, MaxParticipants: cfg.Limits.MaxParticipants}, m.Log)
	closeMedia := func() {
		rooms.Close()
		pool.Close()
		if err := engine.Close(); err != nil {
			m.Log.Warn("close the media sockets", "error", err)
		}
	}
	options, err := signallingOptions(m)
	if err != nil {
		closeMedia()
		return parts{}, err
	}
	page, err := web.NewHandler(web.Config{})
	if err != nil {
		closeMedia()
		return parts{}, err
	}
	dial := func(group *forwarder.Group, h transport.Handler) (transport.Connection, error) {
		return engine.NewConn(group, h)
	}
	signals, err := signaling.NewServer(signaling.FromRegistry(rooms), dial, m.Verifier, options, m.Log)
	if err != nil {
		closeMedia()
		return parts{}, usageError{err}
	}
	return parts{
		Routes: func(mux *http.ServeMux) {
			mux.Handle("/v1/", signals)
			mux.Handle("/", page)
		},
		Rooms: func(ctx context.Context) any { return rooms.Stats(ctx) },
		Drain: func(ctx context.Context) error {
			rooms.Drain()
			return signals.Drain(ctx)
		},
		Close: func() {
			ended, cancel := context.WithCancel(context.Background())
			cancel()
			_ = signals.Drain(ended) // whoever is still here is told and put out
			closeMedia()
		},
	}, nil
}

func signallingOptions(m materials) (signaling.Options, error) {
	cfg := m.Config
	options := signaling.Options{AllowedOrigins: cfg.Access.AllowedOrigins, TrustedProxies: cfg.Network.TrustedProxies}
	for _, c := range cfg.Media.VideoCodecs {
		options.VideoCodecs = append(options.VideoCodecs, c.String())
	}
	if len(cfg.TURN.URLs) > 0 {
		issuer, err := turn.NewIssuer(cfg.TURN.URLs, string(m.TURNSecret), cfg.TURN.TTL)
		if err != nil {
			return options, usageError{err}
		}
		options.TURN = issuer
	}
	return options, nil
}

// mediaAddresses says which local addresses media is received on and what clients are told in their place. An announced address
// that may arrive anywhere arrives at the address that leads outside.
func mediaAddresses(plan address.Plan, outside func(like netip.Addr) (netip.Addr, bool)) []transport.Address {
	var all []transport.Address
	for _, a := range plan.Announced {
		local := a.Local
		if !local.IsValid() {
			var ok bool
			if local, ok = outside(a.Address); !ok {
				continue
			}
		}
		i := 0
		for i < len(all) && all[i].Local != local {
			i++
		}
		if i == len(all) {
			all = append(all, transport.Address{Local: local})
		}
		all[i].Announce = append(all[i].Announce, a.Address)
	}
	for i, a := range all {
		if len(a.Announce) == 1 && a.Announce[0] == a.Local {
			all[i].Announce = nil
		}
	}
	return all
}

// routeSource returns the address that this machine uses towards the outside, in the family of like. Nothing is sent.
func routeSource(like netip.Addr) (netip.Addr, bool) {
	target := "192.0.2.1:9" // documentation addresses (RFC 5737, RFC 3849): routed by the default route, owned by nobody
	if like.Is6() {
		target = "[2001:db8::1]:9"
	}
	conn, err := net.Dial("udp", target)
	if err != nil {
		return netip.Addr{}, false
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), true
}
