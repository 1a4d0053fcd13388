package main

import (
	"fmt"
	"io"
	"strings"
)

// helpWidth is the width of --help in characters.
const helpWidth = 100

func writeHelp(w io.Writer) {
	fmt.Fprint(w, "sfu serves video conferences: people open its page, name a room and are in a call.\n\nUsage:\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  sfu %-12s  %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, `
Examples:
  sfu
        Try it on this machine, at http://localhost:8080.
  sfu --tls-self
        For everyone in the same network: browsers want TLS before they give camera and microphone.
  sfu --listen=:443 --tls-cert=cert.pem --tls-key=key.pem --public-ip=203.0.113.7 --auth-keys-file=keys
        For people elsewhere, on a machine behind NAT, for holders of tokens.

`)
	writeWrapped(w, "", "The flags below are those of serve; sfu token --help lists its own. Each has an environment variable: --public-ip is "+
		"SFU_PUBLIC_IP. A flag beats the environment. Lists are separated by commas; their flags may also be repeated.")
	group := ""
	for _, s := range settings() {
		if s.group != group {
			group = s.group
			fmt.Fprintf(w, "\n%s:\n", group)
		}
		fmt.Fprintf(w, "  %s\n", s.usage())
		writeWrapped(w, "        ", s.help+s.defaultNote())
	}
}

// usage is the setting as it is to be written.
func (s setting) usage() string {
	switch {
	case s.envOnly:
		return s.variable() + "=" + s.value + " (environment only)"
	case s.isSwitch() && s.preset == "true":
		return "--" + s.name + "=false"
	case s.isSwitch():
		return "--" + s.name
	default:
		return "--" + s.name + "=" + s.value
	}
}

func (s setting) defaultNote() string {
	if s.preset == "" || s.isSwitch() {
		return ""
	}
	return " Default: " + s.preset + "."
}

func writeWrapped(w io.Writer, indent, text string) {
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line) > len(indent) && len(line)+1+len(word) > helpWidth {
			fmt.Fprintln(w, line)
			line = indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, line)
}

// writeMarkdown writes the settings as the tables of docs/configuration.md.
func writeMarkdown(w io.Writer) {
	group := ""
	for _, s := range settings() {
		if s.group != group {
			group = s.group
			fmt.Fprintf(w, "\n### %s\n\n| flag | environment | default | meaning |\n|---|---|---|---|\n", group)
		}
		flag := "none"
		if !s.envOnly {
			flag = "`" + s.usage() + "`"
		}
		preset := ""
		if s.preset != "" {
			preset = "`" + s.preset + "`"
		}
		fmt.Fprintf(w, "| %s | `%s` | %s | %s |\n", flag, s.variable(), preset, s.help)
	}
}
