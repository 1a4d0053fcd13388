package portmux

import (
	"testing"
)

// check is an ICE-TCP client's first frame: a binding request with 8 bytes of attributes.
var check = []byte{0, 28, 0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x80, 0x22, 0, 4, 'a', 'b', 'c', 'd'}

// changed returns a copy of b with one byte replaced.
func changed(b []byte, at int, to byte) []byte {
	c := append([]byte(nil), b...)
	c[at] = to
	return c
}

func TestClassify(t *testing.T) {
	for name, tt := range map[string]struct {
		bytes []byte
		want  protocol
	}{
		"nothing":               {nil, undecided},
		"GET":                   {[]byte("GET / HTTP/1.1\r\n"), plainHTTP},
		"one letter":            {[]byte("P"), plainHTTP},
		"lower case":            {[]byte("get / HTTP/1.1"), unknown},
		"TLS 1.0 record":        {[]byte{0x16, 3, 1, 2, 0}, tlsHello},
		"TLS, first byte":       {[]byte{0x16}, undecided},
		"TLS, no version":       {[]byte{0x16, 9}, unknown},
		"check":                 {check, iceTCP},
		"check, nine bytes":     {check[:9], undecided},
		"check, ten bytes":      {check[:10], iceTCP},
		"no cookie":             {changed(check, 6, 0), unknown},
		"response":              {changed(check, 2, 1), unknown},
		"frame beyond message":  {changed(check, 1, 32), unknown},
		"length not of 4":       {changed(changed(check, 1, 29), 5, 9), unknown},
		"SSH":                   {[]byte("SSH-2.0-x"), plainHTTP}, // the HTTP server answers 400
		"PROXY protocol, v2":    {[]byte("\r\n\r\n\x00\r\nQUIT\n"), unknown},
		"zero bytes":            {make([]byte, 10), unknown},
		"DTLS":                  {[]byte{0x16, 0xfe, 0xff}, unknown},
		"TLS application data":  {[]byte{0x17, 3, 3}, unknown},
		"frame of 2048 or more": {changed(check, 0, 8), unknown},
	} {
		t.Run(name, func(t *testing.T) {
			if got := classify(tt.bytes); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// FuzzClassify: ten bytes always decide, and a decision never changes with what follows.
func FuzzClassify(f *testing.F) {
	for _, seed := range [][]byte{nil, []byte("GET / HTTP/1.1\r\n"), {0x16, 3, 1}, check, []byte("\x00\x00")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decision := undecided
		for n := range len(b) + 1 {
			got := classify(b[:n])
			if decision != undecided && got != decision {
				t.Fatalf("%x: %d bytes say %d, fewer said %d", b, n, got, decision)
			}
			decision = got
		}
		if len(b) >= decisiveBytes && decision == undecided {
			t.Fatalf("%x: undecided", b)
		}
	})
}
