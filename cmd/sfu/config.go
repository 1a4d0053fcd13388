package main

import (
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"sfu/pkg/address"
	"sfu/pkg/codec"
)

// Config is everything that can be set. settings says where each field comes from and what it means.
type Config struct {
	Network     Network
	TLS         TLS
	Access      Access
	TURN        TURN
	Media       Media
	Limits      Limits
	Cluster     Cluster
	Observation Observation
}

// Network is where the server listens, and what it tells clients.
type Network struct {
	Listen         endpoint
	MediaPort      uint16 // 0 stands for the port of Listen
	PublicIPs      []address.Public
	TrustedProxies []netip.Prefix
}

// TLS is where the certificate comes from. None at all means plain HTTP.
type TLS struct {
	CertFile, KeyFile string
	Self              bool
	StateDir          string
}

func (t TLS) enabled() bool { return t.Self || t.CertFile != "" }

// Access is who may use the server.
type Access struct {
	KeysFile       string
	Keys           secret
	Once           bool
	AllowedOrigins []string
}

// TURN are relays elsewhere, and the secret that makes credentials for them.
type TURN struct {
	URLs       []string
	SecretFile string
	Secret     secret
	TTL        time.Duration
}

// Media is how media is treated.
type Media struct {
	VideoCodecs []codec.Type
	Workers     int // 0 stands for one per processor
	// DirectMedia is false where pion encrypts, UDPBatch where each datagram is a system call, UDPGSO where the kernel cuts none up.
	DirectMedia, UDPBatch, UDPGSO bool
}

// Limits are what the node takes on.
type Limits struct {
	MaxRooms, MaxParticipants int
	// DrainTimeout is how long a drain lasts at most, DrainDelay how long new people are taken at its beginning.
	DrainTimeout, DrainDelay time.Duration
}

// Observation is what operators see.
type Observation struct {
	AdminListen      endpoint
	MetricsRooms     int
	MetricsRoomNames bool
	LogLevel         slog.Level
	LogFormat        string
}

// A secret never shows itself.
type secret string

func (secret) String() string   { return "(secret)" }
func (secret) GoString() string { return "(secret)" }

// rawValues collects what one flag was given.
type rawValues struct {
	values   []string
	isSwitch bool
}

func (r *rawValues) String() string     { return strings.Join(r.values, ",") }
func (r *rawValues) Set(v string) error { r.values = append(r.values, v); return nil }
func (r *rawValues) IsBoolFlag() bool   { return r.isSwitch }

// loadConfig reads the command line and the environment. A flag beats the environment, the environment beats the default.
func loadConfig(args []string, env environment) (Config, error) {
	flags := flag.NewFlagSet("sfu", flag.ContinueOnError)
	config := configFlags(flags)
	if err := parseFlags(flags, args); err != nil {
		return Config{}, err
	}
	return config(env)
}

// configFlags adds the flags of all settings. What it returns makes the Config, once they have been parsed.
func configFlags(flags *flag.FlagSet) func(environment) (Config, error) {
	table := settings()
	given, known := map[string]*rawValues{}, map[string]bool{}
	for _, s := range table {
		known[s.variable()] = true
		given[s.name] = &rawValues{isSwitch: s.isSwitch()}
		if !s.envOnly {
			flags.Var(given[s.name], s.name, "")
		}
	}
	return func(env environment) (Config, error) { return configOf(table, given, known, env) }
}

func configOf(table []setting, given map[string]*rawValues, known map[string]bool, env environment) (Config, error) {
	if unknown := env.unknown(known); len(unknown) > 0 {
		return Config{}, usagef("the environment sets %s, which is not a setting", strings.Join(unknown, ", "))
	}
	var cfg Config
	for _, s := range table {
		if err := s.apply(&cfg, given[s.name].values, env); err != nil {
			return Config{}, usageError{err}
		}
	}
	if err := cfg.check(); err != nil {
		return Config{}, usageError{err}
	}
	return cfg, nil
}

// apply takes the value from the first source that has one. Errors name the source.
func (s setting) apply(cfg *Config, flagValues []string, env environment) error {
	values, source := flagValues, "--"+s.name
	if len(values) == 0 && env[s.variable()] != "" { // compose files set what is not given to ""
		values, source = []string{env[s.variable()]}, s.variable()
	}
	if len(values) == 0 {
		if s.preset == "" {
			return nil
		}
		values = []string{s.preset}
	}
	if err := s.set(cfg, values); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	return nil
}

// check looks at settings that depend on each other.
func (c Config) check() error {
	switch {
	case (c.TLS.CertFile == "") != (c.TLS.KeyFile == ""):
		return fmt.Errorf("--tls-cert and --tls-key need each other")
	case c.TLS.Self && c.TLS.CertFile != "":
		return fmt.Errorf("--tls-self and --tls-cert exclude each other")
	case c.Access.KeysFile != "" && c.Access.Keys != "":
		return fmt.Errorf("--auth-keys-file and SFU_AUTH_KEYS exclude each other")
	case c.Access.Once && c.Access.KeysFile == "" && c.Access.Keys == "":
		return fmt.Errorf("--auth-once needs --auth-keys-file or SFU_AUTH_KEYS")
	case c.TURN.SecretFile != "" && c.TURN.Secret != "":
		return fmt.Errorf("--turn-secret-file and SFU_TURN_SECRET exclude each other")
	case c.TURN.needsSecret() && c.TURN.SecretFile == "" && c.TURN.Secret == "":
		return fmt.Errorf("--turn-url needs --turn-secret-file or SFU_TURN_SECRET")
	case c.Observation.AdminListen.set && c.Observation.AdminListen.conflicts(c.Network):
		return fmt.Errorf("--admin-listen must be another port than --listen and --media-port")
	}
	return c.checkCluster()
}

// split returns the servers that only tell clients their address, and those that relay, which take credentials.
func (t TURN) split() (stun, relays []string) {
	for _, url := range t.URLs {
		if strings.HasPrefix(url, "stun") {
			stun = append(stun, url)
		} else {
			relays = append(relays, url)
		}
	}
	return stun, relays
}

func (t TURN) needsSecret() bool {
	_, relays := t.split()
	return len(relays) > 0
}
