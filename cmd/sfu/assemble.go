package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"sfu/pkg/address"
	"sfu/pkg/cluster"
	"sfu/pkg/forwarder"
	"sfu/pkg/metrics"
	"sfu/pkg/room"
	"sfu/pkg/signaling"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/transport"
	"sfu/pkg/turn"
	"sfu/web"
)

// assemble makes the parts and joins them. This is the place where packages meet.
func assemble(m materials) (parts, error) {
	a := &assembly{log: m.Log}
	numbers := metrics.New(metrics.Sources{
		Rooms:     func(ctx context.Context) room.Stats { return a.rooms.Stats(ctx) },
		Forwarder: func() forwarder.PoolStats { return a.pool.Stats() },
		Transport: func() transport.Stats { return a.engine.Stats() },
		Signaling: func() signaling.Stats { return a.signals.Stats() },
		Ports:     m.Connections,
		Cluster:   func() cluster.Stats { return a.cluster.Load().Stats() },
	}, metricsOptions(m))
	if err := a.openMedia(m, numbers); err != nil {
		return parts{}, err
	}
	if err := a.openSignalling(m, numbers); err != nil {
		a.closeMedia()
		return parts{}, err
	}
	if err := a.openCluster(m); err != nil {
		a.close()
		return parts{}, err
	}
	page, err := web.NewHandler(web.Config{Signals: m.Config.Cluster.signals()})
	if err != nil {
		a.close()
		return parts{}, err
	}
	return parts{
		Routes: func(mux *http.ServeMux) {
			mux.Handle("/v1/", numbers.CountRequests("signal", a.signals))
			mux.Handle("/", numbers.CountRequests("page", page))
		},
		Metrics: numbers.Handler(), Rooms: numbers.RoomsHandler(), Count: numbers.CountRequests,
		Drain: func(ctx context.Context) error { return a.drain(ctx, m.Config.Limits.DrainDelay) }, Close: a.close,
		Vacate: func(ctx context.Context) { a.vacate(ctx, m.Config.Limits.DrainDelay) }, Undrain: a.undrain,
		People:  func() int { return a.signals.Stats().Sessions },
		Cluster: func() any { return a.cluster.Load().View() },
		Ready:   []condition{{"cluster", func() error { return a.cluster.Load().Condition() }}},
		Notes:   func() map[string]string { return a.cluster.Load().Notes() },
	}, nil
}

// An assembly is what assemble has made, in the order in which it must not be taken apart.
type assembly struct {
	log     *slog.Logger
	engine  *transport.Engine
	pool    *forwarder.Pool
	rooms   *room.Registry
	signals *signaling.Server
	cluster atomic.Pointer[cluster.Node]
}

func (a *assembly) openMedia(m materials, numbers *metrics.Metrics) error {
	engine, err := transport.NewEngine(transport.Config{
		Addresses: mediaAddresses(m.Plan, outsideAddress), Port: int(m.MediaPort), TCP: m.ICE, VideoCodecs: m.Config.Media.VideoCodecs,
		Established: numbers.ObserveConnection, Log: m.Log,
		PlainSRTP: !m.Config.Media.DirectMedia, PlainUDP: !m.Config.Media.UDPBatch, NoGSO: !m.Config.Media.UDPGSO,
	})
	if err != nil {
		return fmt.Errorf("open the media sockets: %w", err)
	}
	limits := m.Config.Limits
	a.engine = engine
	a.pool = forwarder.NewPool(forwarder.Config{Workers: m.Config.Media.Workers, NewEgress: engine.NewEgress, Log: m.Log})
	a.rooms = room.NewRegistry(a.pool, room.Config{MaxRooms: limits.MaxRooms, MaxParticipants: limits.MaxParticipants, Began: a.began, Ended: a.ended}, m.Log)
	return nil
}

func (a *assembly) openSignalling(m materials, numbers *metrics.Metrics) error {
	options, err := signallingOptions(m)
	if err != nil {
		return err
	}
	options.ObserveJoin = numbers.ObserveJoin
	options.Locator, options.Admit = locator{a, m.Config.Cluster.Redirect}, a.admit
	dial := func(group *forwarder.Group, h transport.Handler) (transport.Connection, error) {
		return a.engine.NewConn(group, h)
	}
	if a.signals, err = signaling.NewServer(signaling.FromRegistry(a.rooms), dial, m.Verifier, options, m.Log); err != nil {
		return usageError{err}
	}
	return nil
}

// drain returns when everyone has left, or at the deadline of ctx.
func (a *assembly) drain(ctx context.Context, delay time.Duration) error {
	a.handOver(ctx, delay)
	a.rooms.Drain()
	return a.signals.Drain(ctx)
}

// close puts out whoever is still here and ends all goroutines.
func (a *assembly) close() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = a.signals.Drain(ended) // it says that not everyone had left, which is known
	if c := a.cluster.Load(); c != nil {
		c.Close()
	}
	a.closeMedia()
}

func (a *assembly) closeMedia() {
	a.rooms.Close()
	a.pool.Close()
	if err := a.engine.Close(); err != nil {
		a.log.Warn("close the media sockets", "error", err)
	}
}

func metricsOptions(m materials) metrics.Options {
	o := m.Config.Observation
	options := metrics.Options{Version: buildVersion(), Rooms: o.MetricsRooms, RoomNames: o.MetricsRoomNames, Log: m.Log}
	if options.Rooms == 0 {
		options.Rooms = -1 // the operator wants none; 0 would be the default
	}
	return options
}

func signallingOptions(m materials) (signaling.Options, error) {
	cfg := m.Config
	options := signaling.Options{AllowedOrigins: cfg.Access.AllowedOrigins}
	for _, c := range cfg.Media.VideoCodecs {
		options.VideoCodecs = append(options.VideoCodecs, c.String())
	}
	stun, relays := cfg.TURN.split()
	for _, url := range stun {
		options.ICEServers = append(options.ICEServers, protocol.ICEServer{URLs: []string{url}})
	}
	if len(relays) > 0 {
		issuer, err := turn.NewIssuer(relays, string(m.TURNSecret), cfg.TURN.TTL)
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

// outsideAddress returns the address that this machine uses towards the outside, in the family of like: the one that the default route
// has, or any where there is no route. Nothing is sent.
func outsideAddress(like netip.Addr) (netip.Addr, bool) {
	target := "192.0.2.1:9" // documentation addresses (RFC 5737, RFC 3849): routed by the default route, owned by nobody
	if like.Is6() {
		target = "[2001:db8::1]:9"
	}
	if conn, err := net.Dial("udp", target); err == nil {
		defer conn.Close()
		return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), true
	}
	found, _ := net.InterfaceAddrs()
	for _, a := range found {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is6() == like.Is6() && !prefix.Addr().IsLoopback() {
			return prefix.Addr(), true
		}
	}
	return netip.Addr{}, false
}
