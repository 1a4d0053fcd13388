//go:build linux

package clustertest

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
)

// Samples are what a node's /metrics said.
type Samples []sample

type sample struct {
	name, labels string // labels as they stand, without braces
	value        float64
}

// readSamples reads the text format of Prometheus.
func readSamples(text string) (Samples, error) {
	var all Samples
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		if cut < 0 {
			return nil, fmt.Errorf("%q is no sample", line)
		}
		value, err := strconv.ParseFloat(line[cut+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no sample: %w", line, err)
		}
		name, labels, _ := strings.Cut(line[:cut], "{")
		all = append(all, sample{name, strings.TrimSuffix(labels, "}"), value})
	}
	return all, nil
}

// Sum adds up the series of a name that have all these labels, each as `state="active"`.
func (s Samples) Sum(name string, labels ...string) float64 {
	sum := 0.0
	for _, x := range s {
		if x.name == name && x.has(labels) {
			sum += x.value
		}
	}
	return sum
}

func (x sample) has(labels []string) bool {
	for _, l := range labels {
		if !strings.Contains(","+x.labels+",", ","+l+",") {
			return false
		}
	}
	return true
}

// Has reports whether there is a series of that name.
func (s Samples) Has(name string) bool {
	for _, x := range s {
		if x.name == name {
			return true
		}
	}
	return false
}
