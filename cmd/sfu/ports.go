package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"sfu/pkg/portmux"
)

// ports are the sockets that the server accepts connections on. The UDP socket belongs to the media.
type ports struct {
	main *portmux.Mux
	// media is nil where media shares the main port.
	media *portmux.Mux
	admin net.Listener // nil without --admin-listen
}

func openPorts(cfg Config, tlsConfig *tls.Config, log *slog.Logger) (*ports, error) {
	p := &ports{}
	if err := p.open(cfg, tlsConfig, log); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *ports) open(cfg Config, tlsConfig *tls.Config, log *slog.Logger) error {
	main, err := listenBoth(cfg.Network)
	if err != nil {
		return fmt.Errorf("open --listen: %w", err)
	}
	p.main = portmux.New(main, portmux.Config{TLS: tlsConfig, Log: log})
	if media := cfg.Network.MediaPort; media != 0 && media != p.mainPort() {
		l, err := net.Listen("tcp", endpoint{host: cfg.Network.Listen.host, port: media}.String())
		if err != nil {
			return fmt.Errorf("open --media-port: %w", err)
		}
		p.media = portmux.New(l, portmux.Config{Log: log})
		_ = p.media.HTTP().Close() // only ICE here, and only HTTP there
		_ = p.main.ICE().Close()
	}
	if cfg.Observation.AdminListen.set {
		if p.admin, err = net.Listen("tcp", cfg.Observation.AdminListen.String()); err != nil {
			return fmt.Errorf("open --admin-listen: %w", err)
		}
	}
	return nil
}

// portTries is how many ports of the kernel's choice are tried.
const portTries = 10

// listenBoth opens the TCP port. Where the kernel chooses and media is to have the same number, it is one that is free for UDP as well.
func listenBoth(n Network) (net.Listener, error) {
	for try := 1; ; try++ {
		l, err := net.Listen("tcp", n.Listen.String())
		if err != nil || n.Listen.port != 0 || n.MediaPort != 0 || try == portTries || freeForUDP(portOf(l.Addr())) {
			return l, err
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
}

// freeForUDP reports whether nobody on this machine uses the port.
func freeForUDP(port uint16) bool {
	c, err := net.ListenUDP("udp", &net.UDPAddr{Port: int(port)})
	return err == nil && c.Close() == nil
}

func (p *ports) mainPort() uint16 { return portOf(p.main.HTTP().Addr()) }

// mediaPort is that of media over UDP and TCP.
func (p *ports) mediaPort() uint16 { return portOf(p.ice().Addr()) }

// ice is where media over TCP arrives.
func (p *ports) ice() net.Listener {
	if p.media != nil {
		return p.media.ICE()
	}
	return p.main.ICE()
}

func portOf(a net.Addr) uint16 { return a.(*net.TCPAddr).AddrPort().Port() }

// close ends all listeners and the connections that nobody took over.
func (p *ports) close() error {
	var errs []error
	for _, m := range []*portmux.Mux{p.main, p.media} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	if p.admin != nil {
		if err := p.admin.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
