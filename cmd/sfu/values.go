package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"

	"sfu/pkg/codec"
)

// An endpoint is an address to listen on.
type endpoint struct {
	set  bool
	host netip.Addr // not valid for all addresses
	port uint16     // 0 leaves the choice to the system
}

// String is what net.Listen takes.
func (e endpoint) String() string {
	if !e.host.IsValid() {
		return fmt.Sprintf(":%d", e.port)
	}
	return netip.AddrPortFrom(e.host, e.port).String()
}

// conflicts reports whether e is a port that n uses.
func (e endpoint) conflicts(n Network) bool {
	return e.port != 0 && (e.port == n.Listen.port || e.port == n.MediaPort)
}

func parseEndpoint(text string) (endpoint, error) {
	host, port, found := cutLast(text, ":")
	if !found {
		return endpoint{}, fmt.Errorf("%q has no port; write :8080 or 192.0.2.1:8080", text)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return endpoint{}, fmt.Errorf("%q is not a port", port)
	}
	e := endpoint{set: true, port: uint16(number)}
	switch host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"); host {
	case "":
	case "localhost":
		e.host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	default:
		if e.host, err = netip.ParseAddr(host); err != nil {
			return endpoint{}, fmt.Errorf("%q is neither an IP address nor localhost", host)
		}
	}
	return e, nil
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

func parsePort(text string) (uint16, error) {
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || number == 0 {
		return 0, fmt.Errorf("%q is not a port", text)
	}
	return uint16(number), nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an IP address nor a network such as 10.0.0.0/8", text)
	}
	return p.Masked(), nil
}

func parseText(text string) (string, error) {
	if text == "" {
		return "", errors.New("it is empty")
	}
	return text, nil
}

func parseSecret(text string) (secret, error) { return secret(text), nil }

func parseBool(text string) (bool, error) {
	b, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", text)
	}
	return b, nil
}

// parseOrigin wants what a browser sends: scheme, host and, unless it is the usual one, port.
func parseOrigin(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || text != u.Scheme+"://"+u.Host {
		return "", fmt.Errorf("%q is not an origin such as https://example.org", text)
	}
	host := strings.ToLower(u.Host)
	usual := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(host, usual), nil
}

func parseTURN(text string) (string, error) {
	if _, err := stun.ParseURI(text); err != nil {
		return "", fmt.Errorf("%q is not a URL such as turn:turn.example.org:3478", text)
	}
	return text, nil
}

func parseVideoCodec(text string) (codec.Type, error) {
	t := codec.ByMIMEType("video/" + text)
	if !t.Video() {
		return codec.Unknown, fmt.Errorf("%q is not a video codec that is known: VP8, VP9, H264, AV1", text)
	}
	return t, nil
}

// distinct refuses what was there before. It makes a parser for one list.
func distinct[T comparable](parse func(string) (T, error)) func(string) (T, error) {
	var seen []T
	return func(text string) (T, error) {
		v, err := parse(text)
		if err == nil && slices.Contains(seen, v) {
			err = fmt.Errorf("%q is there twice", text)
		}
		seen = append(seen, v)
		return v, err
	}
}

func intBetween(low, high int) func(string) (int, error) {
	return func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return 0, fmt.Errorf("%q is not a number from %d to %d", text, low, high)
		}
		return n, nil
	}
}

func durationBetween(low, high time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d < low || d > high {
			return 0, fmt.Errorf("%q is not a duration from %v to %v, such as 90s or 10m", text, low, high)
		}
		return d, nil
	}
}

func parseLevel(text string) (slog.Level, error) {
	name, err := oneOf("debug", "info", "warn", "error")(text)
	if err != nil {
		return 0, err
	}
	var l slog.Level
	return l, l.UnmarshalText([]byte(name))
}

func oneOf(choices ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		if !slices.Contains(choices, text) {
			return "", fmt.Errorf("%q is none of %s", text, strings.Join(choices, ", "))
		}
		return text, nil
	}
}
