//go:build linux

package clustertest

import "testing"

func TestSamples(t *testing.T) {
	s, err := readSamples("# HELP a b\na{state=\"active\",x=\"1\"} 2\na{state=\"draining\",x=\"1\"} 3e1\nb 0.5\n\nc_bucket{le=\"+Inf\"} 7\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"a", nil, 32}, {"a", []string{`state="active"`}, 2}, {"a", []string{`x="1"`, `state="draining"`}, 30}, {"a", []string{`state="act"`}, 0},
		{"b", nil, 0.5}, {"c_bucket", []string{`le="+Inf"`}, 7}, {"d", nil, 0},
	} {
		if got := s.Sum(tt.name, tt.labels...); got != tt.want {
			t.Errorf("%s %v: %v, want %v", tt.name, tt.labels, got, tt.want)
		}
	}
	if !s.Has("b") || s.Has("d") {
		t.Error("b is there and d is not")
	}
	for _, text := range []string{"a", "a b c"} {
		if _, err := readSamples(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
