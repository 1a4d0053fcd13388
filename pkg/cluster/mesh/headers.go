package mesh

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/textproto"
	"strings"
)

// The headers between edge and owner. All begin with headerPrefix, and none of them is taken from a client or given to one.
const (
	headerPrefix      = "Sfu-"
	headerRoom        = "Sfu-Room"
	headerEpoch       = "Sfu-Epoch"
	headerClientAddr  = "Sfu-Client-Addr"
	headerClientHost  = "Sfu-Client-Host"
	headerClientProto = "Sfu-Client-Proto"
	headerHop         = "Sfu-Hop"

	forwardedPrefix = "X-Forwarded-"

	maxIDBytes   = 64
	maxHostBytes = 512
)

// An origin is where a proxied request comes from, and what the edge believes of the room.
type origin struct {
	rid, epoch string
	client     netip.AddrPort // not valid where the edge does not know it
	host       string         // what the client asked for, as in its Host header
	tls        bool           // whether the client spoke TLS with the edge
}

// originOf says where r comes from. The parts that would not be taken at the other end are left out; those of the room are an error.
func originOf(r *http.Request, rid, epoch string) (origin, error) {
	o := origin{rid: rid, epoch: epoch, tls: r.TLS != nil}
	if !isID(rid) || !isID(epoch) {
		return origin{}, fmt.Errorf("pass on a request: room %q or epoch %q cannot be sent", rid, epoch)
	}
	o.client, _ = netip.ParseAddrPort(r.RemoteAddr)
	if isHost(r.Host) {
		o.host = r.Host
	}
	return o, nil
}

// stamp makes h the header of a request of o: what the client wrote of this kind is dropped.
func (o origin) stamp(h http.Header) {
	strip(h)
	h.Set(headerHop, "1")
	h.Set(headerRoom, o.rid)
	h.Set(headerEpoch, o.epoch)
	if o.client.IsValid() {
		h.Set(headerClientAddr, o.client.String())
	}
	if o.host != "" {
		h.Set(headerClientHost, o.host)
	}
	h.Set(headerClientProto, proto(o.tls))
}

func proto(tls bool) string {
	if tls {
		return "https"
	}
	return "http"
}

// strip removes our headers and those that tell addresses: the edge has looked at them, and nobody behind it shall.
func strip(h http.Header) {
	for name := range h {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if strings.HasPrefix(canonical, headerPrefix) || strings.HasPrefix(canonical, forwardedPrefix) || canonical == "Forwarded" {
			delete(h, name)
		}
	}
}

// parseOrigin reads what stamp wrote. Each header may be there once.
func parseOrigin(h http.Header) (origin, error) {
	var o origin
	var hop, client, scheme string
	for _, field := range []struct {
		name string
		into *string
	}{
		{headerHop, &hop}, {headerRoom, &o.rid}, {headerEpoch, &o.epoch}, {headerClientAddr, &client},
		{headerClientHost, &o.host}, {headerClientProto, &scheme},
	} {
		switch values := h[field.name]; len(values) {
		case 0:
		case 1:
			*field.into = values[0]
		default:
			return origin{}, fmt.Errorf("parse proxied request: %s is there %d times", field.name, len(values))
		}
	}
	switch {
	case hop != "1":
		return origin{}, fmt.Errorf("parse proxied request: %s is %q, not 1", headerHop, hop)
	case !isID(o.rid):
		return origin{}, errors.New("parse proxied request: it names no room")
	case !isID(o.epoch):
		return origin{}, errors.New("parse proxied request: it names no epoch")
	case o.host != "" && !isHost(o.host):
		return origin{}, fmt.Errorf("parse proxied request: %s is no host", headerClientHost)
	case scheme != "http" && scheme != "https":
		return origin{}, fmt.Errorf("parse proxied request: %s is %q", headerClientProto, scheme)
	}
	o.tls = scheme == "https"
	if client == "" {
		return o, nil
	}
	var err error
	if o.client, err = netip.ParseAddrPort(client); err != nil {
		return origin{}, fmt.Errorf("parse proxied request: %s: %w", headerClientAddr, err)
	}
	return o, nil
}

// isID reports whether s can be the id or the epoch of a room: letters, digits, - and _.
func isID(s string) bool {
	if s == "" || len(s) > maxIDBytes {
		return false
	}
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// isHost reports whether s may be a Host header: visible ASCII. What it means is for those to judge who use it.
func isHost(s string) bool {
	if s == "" || len(s) > maxHostBytes {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
