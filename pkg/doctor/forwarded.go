package doctor

import (
	"context"
	"net/http"
	"net/netip"

	"sfu/pkg/address"
)

// How a server answers the question whether it knows who asks. HeaderQuestion carries the address that the asker takes for its own, or nothing;
// HeaderAnswer one of the words below, and behind "; " whether the address is the one that the server sees. No address is ever told.
const (
	HeaderQuestion = "Sfu-Doctor"
	HeaderAnswer   = "Sfu-Client"
	// Direct: no proxy named anybody. Forwarded: a trusted proxy named the client. Nameless: a trusted proxy named nobody. Untrusted: somebody named
	// a client who is not believed.
	Direct    = "direct"
	Forwarded = "forwarded"
	Nameless  = "nameless"
	Untrusted = "untrusted"
	// Same and Other follow the word where the question had an address.
	Same  = "; same"
	Other = "; other"
)

func (r *Remote) lookAtForwarded(ctx context.Context) []Finding {
	if r.info == nil {
		return nil
	}
	a, err := r.get(ctx, r.roomPath(), r.question(netip.Addr{}))
	// An address of this network is the one that the server sees, unless the server is beyond a NAT.
	if err == nil && (address.ScopeOf(a.local) == address.Global || address.ScopeOf(a.remote) != address.Global) {
		a, err = r.get(ctx, r.roomPath(), r.question(a.local))
	}
	if err != nil {
		return []Finding{found(Warn, "forwarded-unknown", "A request was not answered: %v.", err)}
	}
	return judgeForwarded(a.header.Get(HeaderAnswer))
}

// question asks whether own is what the server sees. Unlike tokens it is nothing to hide.
func (r *Remote) question(own netip.Addr) http.Header {
	value := "?"
	if own.IsValid() {
		value = own.String()
	}
	h := http.Header{HeaderQuestion: {value}}
	if token := r.token(0); token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return h
}

// judgeForwarded reads the server's answer.
func judgeForwarded(answer string) []Finding {
	switch answer {
	case Direct + Same:
		return []Finding{found(OK, "forwarded", "The server sees this machine's address.")}
	case Forwarded, Forwarded + Same:
		return []Finding{found(OK, "forwarded", "A proxy tells the server this machine's address, and is believed.")}
	case Nameless, Nameless + Same, Nameless + Other:
		return []Finding{found(Warn, "forwarded-missing", "A trusted proxy does not tell the server whose requests it passes on.")}
	case Untrusted, Untrusted + Same, Untrusted + Other:
		return []Finding{found(Warn, "forwarded-untrusted", "A proxy names the client in X-Forwarded-For, but it is not among --trusted-proxies.")}
	case Direct + Other:
		return []Finding{found(Warn, "forwarded-missing", "The server sees another address than this machine's, and nobody tells it whose it is.")}
	case Forwarded + Other:
		return []Finding{found(Info, "forwarded-unknown", "A proxy tells the server an address, which is not the one that this machine uses for media.")}
	case Direct:
		return []Finding{found(Info, "forwarded-unknown", "No proxy shows; whether the server sees this machine's address cannot be told from here.")}
	default:
		return []Finding{found(Info, "forwarded-unknown", "The server does not say whether it sees the addresses of clients.")}
	}
}
