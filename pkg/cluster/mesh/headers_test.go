package mesh

import (
	"bufio"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"testing"
)

func TestOriginOfARequest(t *testing.T) {
	r := httptest.NewRequest("GET", "https://meet.example/v1/rooms/kitchen", nil)
	r.RemoteAddr = "[2001:db8::7]:5000"
	o, err := originOf(r, "rid_1-", "17-4")
	want := origin{"rid_1-", "17-4", netip.MustParseAddrPort("[2001:db8::7]:5000"), "meet.example", true}
	if err != nil || o != want {
		t.Errorf("%+v, %v", o, err)
	}
	r.RemoteAddr, r.Host, r.TLS = "@", "a b", nil
	o, err = originOf(r, "rid", "1-1")
	if err != nil || o != (origin{rid: "rid", epoch: "1-1"}) {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range [][2]string{{"", "1-1"}, {"rid", ""}, {"ri/d", "1-1"}, {"rid", "1\n1"}, {strings.Repeat("r", 65), "1"}} {
		if _, err := originOf(r, bad[0], bad[1]); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestForgedHeadersAreDropped(t *testing.T) {
	h := http.Header{
		"Sfu-Room": {"other"}, "Sfu-Client-Addr": {"127.0.0.1:1", "127.0.0.1:2"}, "Sfu-Anything": {"x"}, "sfu-hop": {"1"},
		"Forwarded": {"for=127.0.0.1"}, "X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Whatever": {"x"}, "x-forwarded-host": {"h"},
		"Authorization": {"Bearer t"}, "Sfuroom": {"kept"}, "Cookie": {"a", "b"},
	}
	origin{rid: "rid", epoch: "1-1"}.stamp(h)
	want := []string{"Authorization", "Cookie", "Sfu-Client-Proto", "Sfu-Epoch", "Sfu-Hop", "Sfu-Room", "Sfuroom"}
	if got := slices.Sorted(maps.Keys(h)); !slices.Equal(got, want) || h.Get("Sfu-Room") != "rid" {
		t.Errorf("%v", h)
	}
	strip(h)
	if got := slices.Sorted(maps.Keys(h)); !slices.Equal(got, []string{"Authorization", "Cookie", "Sfuroom"}) {
		t.Errorf("%v", h)
	}
}

func TestParseOriginRefuses(t *testing.T) {
	good := func() http.Header {
		h := http.Header{}
		origin{"rid", "1-1", netip.MustParseAddrPort("192.0.2.1:5000"), "host:1", false}.stamp(h)
		return h
	}
	if _, err := parseOrigin(good()); err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string][]string{
		headerHop:         {"", "0", "2", "1,1"},
		headerRoom:        {"", "a/b", "a b"},
		headerEpoch:       {"", "ü"},
		headerClientAddr:  {"192.0.2.1", "host:1", "192.0.2.1:99999"},
		headerClientHost:  {"a b", "a\tb", strings.Repeat("a", 513)},
		headerClientProto: {"", "HTTPS", "ws"},
	} {
		for _, value := range values {
			h := good()
			h.Set(name, value)
			if o, err := parseOrigin(h); err == nil {
				t.Errorf("%s: %q is taken as %+v", name, value, o)
			}
		}
		h := good()
		h[name] = append(h[name], h[name]...)
		if _, err := parseOrigin(h); err == nil {
			t.Errorf("%s is taken twice", name)
		}
	}
}

// FuzzParseOrigin reads the header lines of a request. What is taken is small, comes back from the headers that are made of it, and
// leaves nothing of itself after strip.
func FuzzParseOrigin(f *testing.F) {
	for _, o := range []origin{
		{rid: "rid", epoch: "1-1"},
		{"rid", "17-4", netip.MustParseAddrPort("[fe80::1%eth0]:1"), "[2001:db8::1]:8080", true},
	} {
		h := http.Header{}
		o.stamp(h)
		var text strings.Builder
		_ = h.Write(&text)
		f.Add(text.String())
	}
	f.Add("Sfu-Hop: 1\r\nsfu-hop: 1\r\nSfu-Room: a\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := textproto.NewReader(bufio.NewReader(strings.NewReader(text + "\r\n\r\n"))).ReadMIMEHeader()
		if err != nil {
			return
		}
		h := http.Header(lines)
		o, err := parseOrigin(h)
		if err != nil {
			return
		}
		if len(o.rid) > maxIDBytes || len(o.epoch) > maxIDBytes || len(o.host) > maxHostBytes {
			t.Fatalf("too long: %+v", o)
		}
		o.stamp(h)
		if again, err := parseOrigin(h); err != nil || again != o {
			t.Fatalf("%+v became %+v, %v", o, again, err)
		}
		strip(h)
		for name := range h {
			if strings.HasPrefix(strings.ToLower(name), "sfu-") || strings.HasPrefix(strings.ToLower(name), "x-forwarded-") {
				t.Fatalf("%s was left", name)
			}
		}
	})
}
