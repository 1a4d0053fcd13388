package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"sfu/pkg/signaling/protocol"
)

// maxInfoBytes bounds the room's information.
const maxInfoBytes = 64 << 10

// Info asks the server at base, such as "http://127.0.0.1:8080", for what a client must know before it joins. A refusal is a
// *protocol.Error.
func Info(ctx context.Context, base, room, token string) (*protocol.RoomInfo, error) {
	o := Options{Token: token}.withDefaults()
	return o.info(ctx, base, room)
}

func (o *Options) info(ctx context.Context, base, room string) (*protocol.RoomInfo, error) {
	at, err := roomURL(base, room)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for the room: %w", err)
	}
	if o.Token != "" {
		request.Header.Set("Authorization", "Bearer "+o.Token)
	}
	// One connection for one question: an idle one would keep two goroutines for each client.
	client := http.Client{Transport: &http.Transport{DialContext: o.DialContext, TLSClientConfig: o.TLS, DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for the room: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxInfoBytes))
	if err != nil {
		return nil, fmt.Errorf("ask for the room: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, refusal(answer.Status, body)
	}
	info := &protocol.RoomInfo{}
	if err := json.Unmarshal(body, info); err != nil {
		return nil, fmt.Errorf("read the room's information: %w", err)
	}
	return info, nil
}

// refusal turns the body of an HTTP answer into an error.
func refusal(status string, body []byte) error {
	var r protocol.Refusal
	if json.Unmarshal(body, &r) == nil && r.Code != "" {
		return &protocol.Error{Code: r.Code, Message: r.Message, RetryAfter: r.RetryAfter}
	}
	return fmt.Errorf("the server answers %s", status)
}

// roomURL is where a room's information is; "signal" below it is its socket.
func roomURL(base, room string) (*url.URL, error) {
	at, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("read the server's address: %w", err)
	}
	if at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return nil, fmt.Errorf("read the server's address: %q is not http or https", base)
	}
	return at.JoinPath("v1", "rooms", room), nil
}

// socketURL is where the WebSocket of the room is: on the server at base, unless that says where else.
func (c *Client) socketURL() (string, error) {
	if signal := c.Info().Signal; signal != "" {
		return signal, nil
	}
	at, err := roomURL(c.base, c.roomName)
	if err != nil {
		return "", err
	}
	at.Scheme = strings.Replace(at.Scheme, "http", "ws", 1)
	return at.JoinPath("signal").String(), nil
}

// Facing returns the local address from which the server at base is reached.
func Facing(ctx context.Context, base string) (netip.Addr, error) {
	at, err := url.Parse(base)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("read the server's address: %w", err)
	}
	port := at.Port()
	if port == "" {
		port = "9"
	}
	// Connecting a UDP socket asks for the route and sends nothing. IPv4 is tried first: a name such as localhost has both, and media
	// may be on the one alone.
	var conn net.Conn
	for _, network := range []string{"udp4", "udp"} {
		if conn, err = (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(at.Hostname(), port)); err == nil {
			break
		}
	}
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find the way to the server: %w", err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
