package main

import (
	"slices"
	"strings"
)

// envPrefix begins the name of every variable that is meant for us.
const envPrefix = "SFU_"

// environment are the variables of the process.
type environment map[string]string

func parseEnvironment(list []string) environment {
	e := environment{}
	for _, entry := range list {
		if name, value, ok := strings.Cut(entry, "="); ok {
			e[name] = value
		}
	}
	return e
}

// variable returns the name of the variable that stands for a flag.
func variable(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// unknown returns the variables with our prefix that are not in known, sorted.
func (e environment) unknown(known map[string]bool) []string {
	var names []string
	for name := range e {
		if strings.HasPrefix(name, envPrefix) && !known[name] && !e.isServiceLink(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// isServiceLink reports whether name was set by Kubernetes for a service that is called sfu or sfu-something, such as
// SFU_SERVICE_HOST or SFU_PORT_8080_TCP_ADDR. Nobody wrote those, so they must not keep the server from starting.
func (e environment) isServiceLink(name string) bool {
	for _, middle := range []string{"_SERVICE_", "_PORT"} {
		if service, _, found := strings.Cut(name, middle); found {
			if _, there := e[service+"_SERVICE_HOST"]; there {
				return true
			}
		}
	}
	return false
}
