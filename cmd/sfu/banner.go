package main

import (
	"fmt"
	"io"
	"net/netip"
	"slices"

	"sfu/pkg/address"
)

// announcement is what the operator is told at the start.
type announcement struct {
	version              string
	listen               endpoint // with the port that was opened
	mediaPort            uint16
	tls                  bool
	fingerprint          string // of a certificate that nobody signed
	certificateFile      string
	certificateNotStored error
	plan                 address.Plan
	open                 bool // rooms need no token
	admin                string
	adminPrivate         bool // it can be reached from this machine only
}

// writeBanner says what to open, what clients are told and why, and who may come in.
func writeBanner(w io.Writer, a announcement) {
	fmt.Fprintf(w, "sfu %s is running.\n\n", a.version)
	label := "Open"
	for _, url := range a.urls() {
		fmt.Fprintf(w, "%-7s %s\n", label, url)
		label = ""
	}
	if !a.tls && a.reachable() {
		writeNote(w, "Browsers give camera and microphone to plain http on this machine only. For others use --tls-self, --tls-cert or a proxy with TLS.")
	}
	a.writeCertificate(w)
	a.writeMedia(w)
	if a.open {
		fmt.Fprintln(w, "Rooms   open to anyone who can reach this server; --auth-keys-file asks for tokens")
	} else {
		fmt.Fprintln(w, "Rooms   need a token; sfu token makes one")
	}
	if a.admin != "" {
		fmt.Fprintf(w, "Admin   http://%s/metrics, /rooms, /debug/pprof/\n", a.admin)
		if !a.adminPrivate {
			writeNote(w, "It asks for no password: keep this port from everyone but operators.")
		}
	}
	fmt.Fprintln(w)
}

func writeNote(w io.Writer, text string) { writeWrapped(w, "        ", text) }

func (a announcement) writeCertificate(w io.Writer) {
	if a.fingerprint == "" {
		return
	}
	fmt.Fprintln(w, "TLS     with a certificate that nobody signed: browsers warn once. Its SHA-256 fingerprint is")
	writeNote(w, a.fingerprint)
	switch {
	case a.certificateNotStored != nil:
		writeNote(w, fmt.Sprintf("It is kept in memory, a restart makes another one: %v.", a.certificateNotStored))
	case a.certificateFile == "":
		writeNote(w, "It is kept in memory, a restart makes another one.")
	default:
		writeNote(w, "It is kept in "+a.certificateFile+".")
	}
}

func (a announcement) writeMedia(w io.Writer) {
	fmt.Fprintf(w, "Media   on port %d, UDP and TCP; browsers are told these addresses:\n", a.mediaPort)
	width := 0
	for _, m := range a.plan.Announced {
		width = max(width, len(m.Address.String()))
	}
	for _, m := range a.plan.Announced {
		fmt.Fprintf(w, "        %-*s  %s\n", width, m.Address, m.Why)
	}
	for _, warning := range a.plan.Warnings {
		writeNote(w, "Note: "+warning+".")
	}
}

// urls are the addresses under which the page can be opened, this machine's own first.
func (a announcement) urls() []string {
	scheme := "http"
	if a.tls {
		scheme = "https"
	}
	var all []string
	add := func(host string) {
		url := scheme + "://" + host
		if usual := map[string]uint16{"http": 80, "https": 443}[scheme]; a.listen.port != usual {
			url += fmt.Sprintf(":%d", a.listen.port)
		}
		if !slices.Contains(all, url) {
			all = append(all, url)
		}
	}
	if !a.listen.host.IsValid() || a.listen.host.IsUnspecified() || a.listen.host.IsLoopback() && a.listen.host.Is4() {
		add("localhost")
	}
	for _, m := range a.plan.Announced {
		if a.answers(m.Address) {
			add(hostOf(m.Address))
		}
	}
	return all
}

// answers reports whether the page can be opened under an announced address. With a port of its own for media there is a proxy in
// front, and only that knows its address.
func (a announcement) answers(addr netip.Addr) bool {
	if !addr.IsLoopback() {
		return a.mediaPort == a.listen.port
	}
	return a.listen.host.IsValid() && !a.listen.host.IsUnspecified() && addr.Is6()
}

// reachable reports whether other machines can open the page here.
func (a announcement) reachable() bool {
	return slices.ContainsFunc(a.plan.Announced, func(m address.Announcement) bool {
		return !m.Address.IsLoopback() && a.answers(m.Address)
	})
}

func hostOf(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}
