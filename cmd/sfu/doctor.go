package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"sfu/pkg/address"
	"sfu/pkg/auth"
	"sfu/pkg/doctor"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/transport"
	"sfu/pkg/turn"
	"sfu/web"
)

// A doctorRequest is what sfu doctor was asked for, beside the server's own settings.
type doctorRequest struct {
	remote, tokens, room, stun, unit string
	idle, grace                      time.Duration
	quick, json                      bool
}

// doctorDefault is how long a quiet WebSocket must last: longer than what proxies give by default, which is a minute.
const doctorDefault = 75 * time.Second

// doctorBound is the most that all checks take beside that quiet.
const doctorBound = 5 * time.Minute

func (r *doctorRequest) flags(f *flag.FlagSet) {
	f.StringVar(&r.remote, "remote", "", "`URL` where people open the page; look from here, as they would, instead of at this machine")
	f.StringVar(&r.tokens, "token", "",
		"`TOKEN,…` to come in with, for --remote; a second one of the same room and another identity is for a check with two people")
	f.StringVar(&r.room, "room", "", "`ROOM` to meet in, for --remote; without it that of the token, or a new one")
	f.DurationVar(&r.idle, "idle", doctorDefault, "`DURATION` that a quiet WebSocket must last, for --remote")
	f.BoolVar(&r.quick, "quick", false, "leave the quiet WebSocket out")
	f.StringVar(&r.stun, "stun", "", "`HOST:PORT` of a STUN server to ask under which address this machine is seen; without it nobody is asked")
	f.DurationVar(&r.grace, "grace", 0, "`DURATION` that what stops the server waits; without it TERMINATION_GRACE_PERIOD_SECONDS, or systemd is asked")
	f.StringVar(&r.unit, "unit", "sfu.service", "`UNIT` of systemd that runs the server")
	f.BoolVar(&r.json, "json", false, "write an array of findings as JSON")
}

// runDoctor looks at a deployment and prints what it finds. What is wrong with the server's settings is a finding, too; a flag that nobody
// knows is not.
func runDoctor(ctx context.Context, args []string, t terminal) error {
	r := &doctorRequest{}
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	config := configFlags(flags)
	r.flags(flags)
	if err := parseFlags(flags, args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			writeDoctorHelp(t.stdout)
			return nil
		}
		return err
	}
	checks, err := r.checks(flags, config, t.env)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	bounded, cancel := context.WithTimeout(ctx, doctorBound+r.idle)
	defer cancel()
	findings, err := r.print(bounded, checks, t.stdout)
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return exitStatus(exitInterrupted)
	}
	if code := doctor.ExitCode(findings); code != exitOK {
		return exitStatus(code)
	}
	return nil
}

func (r *doctorRequest) print(ctx context.Context, checks []doctor.Check, w io.Writer) ([]doctor.Finding, error) {
	if r.json {
		findings := doctor.Run(ctx, checks, func(doctor.Finding) {})
		return findings, doctor.WriteJSON(w, findings)
	}
	p := &doctor.Printer{W: w, Colours: isTerminal(w), Width: helpWidth}
	findings := doctor.Run(ctx, checks, p.Print)
	return findings, p.Close()
}

// isTerminal reports whether w is one that shows colours (see no-color.org).
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// checks returns those of this machine, or with --remote those of the public address.
func (r *doctorRequest) checks(flags *flag.FlagSet, config func(environment) (Config, error), env environment) ([]doctor.Check, error) {
	if r.remote == "" {
		for _, name := range []string{"token", "room", "idle", "quick"} {
			if given(flags, name) {
				return nil, usagef("--%s needs --remote", name)
			}
		}
		cfg, err := config(env)
		s := r.server(cfg, lookAround(env), env)
		if err != nil {
			s.Invalid = err
		}
		return s.Checks(), nil
	}
	own := flag.NewFlagSet("", flag.ContinueOnError)
	(&doctorRequest{}).flags(own)
	wrong := ""
	flags.Visit(func(f *flag.Flag) {
		if own.Lookup(f.Name) == nil || f.Name == "stun" || f.Name == "grace" || f.Name == "unit" {
			wrong = f.Name
		}
	})
	if wrong != "" {
		return nil, usagef("--%s is about this machine, and --remote asks from outside", wrong)
	}
	remote, err := r.remoteServer()
	if err != nil {
		return nil, usageError{err}
	}
	return remote.Checks(), nil
}

func given(flags *flag.FlagSet, name string) bool {
	found := false
	flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

func (r *doctorRequest) remoteServer() (*doctor.Remote, error) {
	at, err := url.Parse(r.remote)
	if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Hostname() == "" || at.RawQuery != "" || at.Fragment != "" || at.User != nil {
		return nil, fmt.Errorf("--remote: %q is not a URL such as https://meet.example.org", r.remote)
	}
	if !strings.HasSuffix(at.Path, "/") {
		at.Path += "/"
	}
	if r.idle < 0 {
		return nil, fmt.Errorf("--idle: %v is not a time to wait", r.idle)
	}
	page, err := web.Page()
	if err != nil {
		return nil, err
	}
	remote := &doctor.Remote{URL: at, Room: r.room, Tokens: split([]string{r.tokens}), Idle: r.idle, Page: page}
	if r.quick {
		remote.Idle = 0
	}
	if remote.Room == "" && len(remote.Tokens) > 0 {
		remote.Room = roomOfToken(remote.Tokens[0])
	}
	if remote.Room != "" && !protocol.IsRoomName(remote.Room) {
		return nil, fmt.Errorf("--room: %q is not the name of a room", remote.Room)
	}
	return remote, nil
}

// roomOfToken reads the room from a JWT without verifying it, "" where there is none.
func roomOfToken(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Room string `json:"room"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Room
}

// maxConnections is what the server takes (signaling.Options.Sockets).
const maxConnections = 10_000

// server says in the doctor's terms what cfg makes of a server on m.
func (r *doctorRequest) server(cfg Config, m machine, env environment) *doctor.Server {
	network := cfg.Network
	s := &doctor.Server{
		Ports: portsOf(cfg), TLS: cfg.TLS.enabled(), Proxied: len(network.TrustedProxies) > 0, CertFile: cfg.TLS.CertFile, KeyFile: cfg.TLS.KeyFile,
		Interfaces: m.Interfaces, Explicit: len(network.PublicIPs) > 0, Container: m.Container, MediaPort: network.MediaPort,
		Plan: address.Decide(address.Facts{
			Interfaces: m.Interfaces, Explicit: network.PublicIPs, Listen: network.Listen.host, Container: m.Container,
		}),
		STUN: r.stun, NATS: cfg.Cluster.NATS.URLs,
		Grace:  doctor.Grace{Drain: cfg.Limits.DrainTimeout, Delay: cfg.Limits.DrainDelay, Given: r.grace, Unit: r.unit, Container: m.Container},
		Limits: doctor.Wanted{UDPBuffer: transport.SocketBuffer, Connections: maxConnections, GSO: cfg.Media.UDPGSO},
	}
	if s.MediaPort == 0 {
		s.MediaPort = network.Listen.port
	}
	if seconds, err := time.ParseDuration(env["TERMINATION_GRACE_PERIOD_SECONDS"] + "s"); err == nil && r.grace == 0 {
		s.Grace.Given = seconds
	}
	for flag, path := range map[string]string{
		"--auth-keys-file": cfg.Access.KeysFile, "--turn-secret-file": cfg.TURN.SecretFile, "--tls-key": cfg.TLS.KeyFile,
		"--cluster-secret-file": cfg.Cluster.SecretFile, "--nats-creds": cfg.Cluster.NATS.CredsFile, "--nats-key": cfg.Cluster.NATS.KeyFile,
	} {
		if path != "" {
			s.Secrets = append(s.Secrets, doctor.SecretFile{Flag: flag, Path: path})
		}
	}
	if cfg.Cluster.several() {
		s.Cluster = clusterVisitor{cfg.Cluster}
	}
	addKeys(s, cfg.Access)
	s.Invalid = addRelays(s, cfg.TURN)
	return s
}

// portsOf lists what the server opens.
func portsOf(cfg Config) []doctor.Port {
	network := cfg.Network
	port := func(flag string, e endpoint) doctor.Port {
		return doctor.Port{Flag: flag, Host: e.host, Port: e.port, TCP: true}
	}
	main := port("--listen", network.Listen)
	main.Health = true
	all := []doctor.Port{main}
	if network.MediaPort != 0 && network.MediaPort != network.Listen.port {
		media := port("--media-port", endpoint{host: network.Listen.host, port: network.MediaPort})
		media.UDP = true
		all = append(all, media)
	} else {
		all[0].UDP = true
	}
	if cfg.Observation.AdminListen.set {
		admin := port("--admin-listen", cfg.Observation.AdminListen)
		admin.Health = true
		all = append(all, admin)
	}
	if cfg.Cluster.several() {
		all = append(all, port("--cluster-listen", cfg.Cluster.Listen))
	}
	return all
}

// addKeys reads the keys for tokens, and makes tokens with the first that can sign.
func addKeys(s *doctor.Server, access Access) {
	keys, err := readKeys(access)
	s.Keys = doctor.Keys{Err: err, Count: len(keys)}
	for _, k := range keys {
		if !k.CanSign() || s.Token != nil {
			continue
		}
		s.Keys.Sign = true
		s.Token = func(room string) (string, error) {
			now := time.Now()
			return auth.Sign(k, auth.Grant{
				Room: room, Identity: "sfu-doctor", Publish: auth.AllSources(), Subscribe: true, Expires: now.Add(time.Minute), TokenID: rand.Text(),
			}, now)
		}
	}
}

// addRelays makes credentials as clients get them. The error is why the server would not start.
func addRelays(s *doctor.Server, t TURN) error {
	_, relays := t.split()
	if len(relays) == 0 {
		return nil
	}
	key, err := readSecret(t)
	if err != nil {
		return err
	}
	issuer, err := turn.NewIssuer(relays, string(key), t.TTL)
	if err != nil {
		return err
	}
	c := issuer.Issue("sfu-doctor", time.Now())
	s.ICEServers = []protocol.ICEServer{{URLs: c.URLs, Username: c.Username, Credential: c.Password}}
	return nil
}

func writeDoctorHelp(w io.Writer) {
	fmt.Fprint(w, "sfu doctor looks at a deployment and says what is wrong with it, and what to do.\n\nUsage:\n"+
		"  sfu doctor [the flags of serve]\n"+
		"        On the machine or in the container where the server runs or is going to, with its settings.\n"+
		"  sfu doctor --remote=https://meet.example.org [--token=TOKEN]\n"+
		"        From elsewhere, as a browser would: real media over UDP, TCP and TURN.\n\nFlags:\n")
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	(&doctorRequest{}).flags(flags)
	writeFlags(w, flags)
	writeWrapped(w, "", fmt.Sprintf("Exit codes: 0 all is well, %d there are warnings, %d there are failures; 1 and 2 as always, for what could "+
		"not run and for a wrong command line.", doctor.ExitWarnings, doctor.ExitFailures))
}
