package main

import "strings"

// A setting is one flag and its environment variable.
type setting struct {
	group string
	name  string // of the flag, without the dashes
	// value says what is to be written after the flag; a setting without it is a switch.
	value string
	// preset is the default, in the form of the flag.
	preset string
	// envOnly keeps a secret out of the list of processes.
	envOnly bool
	help    string
	// set takes one value or, of lists, several.
	set func(*Config, []string) error
}

func (s setting) variable() string { return variable(s.name) }

func (s setting) isSwitch() bool { return s.value == "" }

// values splits lists; a flag may be repeated, a variable holds commas.
func split(values []string) []string {
	var all []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// one sets a field from the last value that was given.
func one[T any](field func(*Config) *T, parse func(string) (T, error)) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		v, err := parse(values[len(values)-1])
		if err == nil {
			*field(c) = v
		}
		return err
	}
}

// list sets a field from all values that were given.
func list[T any](field func(*Config) *[]T, parse func(string) (T, error)) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		var all []T
		for _, text := range split(values) {
			v, err := parse(text)
			if err != nil {
				return err
			}
			all = append(all, v)
		}
		*field(c) = all
		return nil
	}
}

// The groups of --help, in its order.
const (
	groupNetwork     = "Network"
	groupTLS         = "TLS"
	groupAccess      = "Access"
	groupTURN        = "TURN"
	groupMedia       = "Media"
	groupLimits      = "Limits"
	groupCluster     = "Cluster"
	groupObservation = "Observation"
)

// settings is everything that can be set. Flags, variables, --help and the table in docs/configuration.md are made from it.
func settings() []setting {
	all := networkSettings()
	all = append(all, accessSettings()...)
	all = append(all, mediaSettings()...)
	all = append(all, clusterSettings()...)
	return append(all, observationSettings()...)
}
