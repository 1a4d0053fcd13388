//go:build linux

package clustertest

import (
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, tt := range []struct {
		times []time.Duration
		q     float64
		want  time.Duration
	}{
		{hundred, 0.5, 50}, {hundred, 0.95, 95}, {hundred, 1, 100}, {hundred, 0, 1}, {hundred[:1], 0.5, 100}, {[]time.Duration{1, 2, 3}, 0.5, 2},
	} {
		if got := Quantile(tt.times, tt.q); got != tt.want {
			t.Errorf("%v of %d: %d, want %d", tt.q, len(tt.times), got, tt.want)
		}
	}
}
