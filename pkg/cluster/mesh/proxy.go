package mesh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// maxBodyBytes bounds the body of a client's request, which is held in memory so that it can be sent again.
const maxBodyBytes = 64 << 10

// Proxy passes r on to the owner of a room, with path and query as they are, and the owner's answer back. After an upgrade to a WebSocket it
// returns at once; the WebSocket goes on until one of its ends, Cut or Close ends it.
//
// An error says that nothing was written to w and r can be used again, for the caller to look who owns the room now: a *NotOwnerError,
// ErrRefused, ErrWrongNode, ErrTimeout, ErrUnreachable, ErrUntrusted or ErrCut where that is the reason. A request that another node has
// passed on is answered with 508, and one that may have changed something at the owner, whose answer was lost, with 502.
func (m *Mesh) Proxy(w http.ResponseWriter, r *http.Request, to Peer, rid, epoch string) error {
	if Proxied(r.Context()) {
		refuse(w, http.StatusLoopDetected, "internal", "The request was passed on from one server to another and shall be once more.")
		return nil
	}
	o, err := originOf(r, rid, epoch)
	if err != nil {
		return err
	}
	if !m.enter() {
		return ErrCut
	}
	defer m.busy.Done()
	l, err := m.link(to)
	if err != nil {
		return err
	}
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	ctx, stop := l.within(r.Context())
	defer stop()
	if isWebSocket(r) {
		err = m.proxySocket(ctx, w, r, l, o)
	} else {
		err = m.proxyRequest(ctx, w, r, l, o)
	}
	if err = explained(ctx, err); err != nil {
		m.countError(r.Context(), err)
		return fmt.Errorf("pass a request on: %w", err)
	}
	return nil
}

// countError counts why a request was not passed on. That the client is gone is no fault.
func (m *Mesh) countError(client context.Context, err error) {
	var notOwner *NotOwnerError
	var dial *dialError
	switch {
	case client.Err() != nil:
	case errors.As(err, &notOwner):
		m.counters.notOwner.Add(1)
	case errors.Is(err, ErrCut):
		m.counters.cut.Add(1)
	case errors.As(err, &dial):
		m.counters.dial.Add(1)
	default:
		m.counters.other.Add(1)
	}
}

// proxyRequest is Proxy for all but WebSockets.
func (m *Mesh) proxyRequest(ctx context.Context, w http.ResponseWriter, r *http.Request, l *link, o origin) error {
	body, ok := takeBody(w, r)
	if !ok {
		return nil
	}
	var failure error
	answered := false
	proxy := httputil.ReverseProxy{
		Transport: l.requests,
		ErrorLog:  m.errorLog(),
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL, p.Out.Host = ownerURL(p.In.URL), anyNode
			o.stamp(p.Out.Header)
		},
		ModifyResponse: func(res *http.Response) error {
			if err := notOwner(res); err != nil {
				return err
			}
			answered = true
			strip(res.Header)
			for name := range res.Header {
				w.Header().Del(name) // the owner's value counts, not both
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { failure = err },
	}
	out := r.WithContext(ctx)
	out.Header = r.Header.Clone()
	out.Header.Del("Upgrade") // only WebSockets are upgraded, and not here
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	completed := false
	defer func() {
		if answered && !completed { // by http.ErrAbortHandler, which ends the client's connection in the middle as well
			m.counters.other.Add(1)
		}
	}()
	proxy.ServeHTTP(w, out)
	completed = true
	if failure != nil && !isRepeatable(r.Method, failure) {
		m.counters.other.Add(1)
		refuse(w, http.StatusBadGateway, "internal", "The server that has the room broke off.")
		return nil
	}
	return failure
}

// takeBody reads the body of r and puts a copy in its place, which is there for the next try. It answers and returns false where it cannot.
func takeBody(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, true
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		refuse(w, http.StatusRequestEntityTooLarge, "message_too_big", fmt.Sprintf("A request may have %d bytes.", tooBig.Limit))
		return nil, false
	case err != nil:
		refuse(w, http.StatusBadRequest, "bad_request", "The request is not complete.")
		return nil, false
	case len(body) == 0:
		r.Body, r.ContentLength = http.NoBody, 0
	default:
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.TransferEncoding = nil
	}
	return body, true
}

// isRepeatable reports whether a request that failed may be sent again without being done twice.
func isRepeatable(method string, failure error) bool {
	var notOwner *NotOwnerError
	var dial *dialError
	safe := method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
	return safe || errors.As(failure, &notOwner) || errors.As(failure, &dial)
}

// ownerURL is where a request for u is sent. The transport looks at no more than scheme and host, which are the same for all peers.
func ownerURL(u *url.URL) *url.URL {
	return &url.URL{Scheme: "https", Host: anyNode, Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}
}

// notOwner returns the error that an answer is, nil where it comes from the handler for clients: that knows nothing of epochs.
func notOwner(res *http.Response) error {
	epoch, ours := res.Header[headerEpoch]
	if res.StatusCode != http.StatusConflict || !ours {
		return nil
	}
	if len(epoch) != 1 || !isID(epoch[0]) {
		return &NotOwnerError{}
	}
	return &NotOwnerError{Epoch: epoch[0]}
}

// refuse answers with a code of the protocol and a sentence.
func refuse(w http.ResponseWriter, status int, code, sentence string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "message": sentence}) // fails only where the client is gone
}
