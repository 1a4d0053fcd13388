package main

import (
	"log/slog"
	"net/netip"
	"time"

	"sfu/pkg/address"
	"sfu/pkg/codec"
)

func networkSettings() []setting {
	return []setting{
		{group: groupNetwork, name: "listen", value: "[HOST]:PORT", preset: ":8080",
			help: "The one port that a firewall must let through: TCP for the page, the WebSocket and media over TCP, UDP for media. HOST is an IP address or localhost.",
			set:  one(func(c *Config) *endpoint { return &c.Network.Listen }, parseEndpoint)},
		{group: groupNetwork, name: "media-port", value: "PORT",
			help: "Media uses this port instead, for UDP and TCP. Needed where the page is behind a proxy that does not pass media on.",
			set:  one(func(c *Config) *uint16 { return &c.Network.MediaPort }, parsePort)},
		{group: groupNetwork, name: "public-ip", value: "ADDRESS[/LOCAL],…",
			help: "The address at which clients reach this machine, where the machine does not know it: behind NAT or in a container. ADDRESS/LOCAL is for a 1:1 NAT; clients are told both. Nothing that was found is announced then.",
			set:  list(func(c *Config) *[]address.Public { return &c.Network.PublicIPs }, address.ParsePublic)},
		{group: groupNetwork, name: "trusted-proxies", value: "ADDRESS[/BITS],…",
			help: "Proxies whose X-Forwarded-For, -Host and -Proto are believed. Nobody else's are.",
			set:  list(func(c *Config) *[]netip.Prefix { return &c.Network.TrustedProxies }, parsePrefix)},

		{group: groupTLS, name: "tls-cert", value: "FILE",
			help: "Certificate chain in PEM. It is read again when it changes.",
			set:  one(func(c *Config) *string { return &c.TLS.CertFile }, parseText)},
		{group: groupTLS, name: "tls-key", value: "FILE",
			help: "Key of the certificate in PEM.",
			set:  one(func(c *Config) *string { return &c.TLS.KeyFile }, parseText)},
		{group: groupTLS, name: "tls-self",
			help: "Make a certificate for this machine's names and addresses. Browsers warn about it once, but then give camera and microphone, which they do not to plain HTTP from another machine.",
			set:  one(func(c *Config) *bool { return &c.TLS.Self }, parseBool)},
		{group: groupTLS, name: "state-dir", value: "DIRECTORY",
			help: "Where --tls-self keeps its certificate. Without it: $STATE_DIRECTORY, $XDG_STATE_HOME/sfu or ~/.local/state/sfu; if that cannot be written, memory.",
			set:  one(func(c *Config) *string { return &c.TLS.StateDir }, parseText)},
	}
}

func accessSettings() []setting {
	return []setting{
		{group: groupAccess, name: "auth-keys-file", value: "FILE",
			help: "Keys that tokens are signed with; with it nobody gets into a room without a token. One per line as \"id algorithm key\", or JSON; HS256, EdDSA or ES256. Read again when it changes. Without keys, rooms are open to anyone who reaches the server.",
			set:  one(func(c *Config) *string { return &c.Access.KeysFile }, parseText)},
		{group: groupAccess, name: "auth-keys", value: "KEYS", envOnly: true,
			help: "The content of such a file.",
			set:  one(func(c *Config) *secret { return &c.Access.Keys }, parseSecret)},
		{group: groupAccess, name: "auth-once",
			help: "A token counts for one entry only; then each needs a jti.",
			set:  one(func(c *Config) *bool { return &c.Access.Once }, parseBool)},
		{group: groupAccess, name: "allowed-origins", value: "ORIGIN,…",
			help: "Pages of other sites that may use this server, as https://example.org. Its own page always may.",
			set:  list(func(c *Config) *[]string { return &c.Access.AllowedOrigins }, parseOrigin)},

		{group: groupTURN, name: "turn-url", value: "URL,…",
			help: "TURN or STUN servers that clients are told, as turn:turn.example.org:3478?transport=udp. Most people need none: media also goes over the TCP port.",
			set:  list(func(c *Config) *[]string { return &c.TURN.URLs }, parseTURN)},
		{group: groupTURN, name: "turn-secret-file", value: "FILE",
			help: "The secret that is shared with the TURN server; credentials are made with it (coturn: use-auth-secret).",
			set:  one(func(c *Config) *string { return &c.TURN.SecretFile }, parseText)},
		{group: groupTURN, name: "turn-secret", value: "SECRET", envOnly: true,
			help: "The secret itself.",
			set:  one(func(c *Config) *secret { return &c.TURN.Secret }, parseSecret)},
		{group: groupTURN, name: "turn-ttl", value: "DURATION", preset: "6h",
			help: "How long such credentials are good.",
			set:  one(func(c *Config) *time.Duration { return &c.TURN.TTL }, durationBetween(time.Minute, 7*24*time.Hour))},
	}
}

func mediaSettings() []setting {
	return []setting{
		{group: groupMedia, name: "video-codecs", value: "CODEC,…", preset: "VP8,VP9,H264,AV1",
			help: "The video codecs that may be used, those that publishers should prefer first.",
			set:  setVideoCodecs},
		{group: groupMedia, name: "workers", value: "N", preset: "0",
			help: "Goroutines that forward media; rooms are spread over them. 0 is one per processor.",
			set:  one(func(c *Config) *int { return &c.Media.Workers }, intBetween(0, 1024))},
		{group: groupMedia, name: "direct-media", preset: "true",
			help: "Encrypt and send media past the WebRTC library, at a fraction of its cost. false is for finding out whether a fault lies there.",
			set:  one(func(c *Config) *bool { return &c.Media.DirectMedia }, parseBool)},
		{group: groupMedia, name: "udp-batch", preset: "true",
			help: "Read and write many datagrams per system call (Linux). It switches itself off where the kernel cannot.",
			set:  one(func(c *Config) *bool { return &c.Media.UDPBatch }, parseBool)},
		{group: groupMedia, name: "udp-gso", preset: "true",
			help: "Let the kernel or the network card cut up runs of packets (UDP GSO, Linux). It switches itself off where it fails; false is for a card that does it wrong.",
			set:  one(func(c *Config) *bool { return &c.Media.UDPGSO }, parseBool)},

		{group: groupLimits, name: "max-rooms", value: "N", preset: "1000",
			help: "Rooms at a time.",
			set:  one(func(c *Config) *int { return &c.Limits.MaxRooms }, intBetween(1, 1_000_000))},
		{group: groupLimits, name: "max-participants", value: "N", preset: "100",
			help: "People in a room.",
			set:  one(func(c *Config) *int { return &c.Limits.MaxParticipants }, intBetween(1, 100_000))},
		{group: groupLimits, name: "drain-timeout", value: "DURATION", preset: "25s",
			help: "After the first SIGTERM or SIGINT nobody new gets in, and the server ends when the last one has left, or after this time. A second signal ends it at once. Whatever stops the server must wait longer.",
			set:  one(func(c *Config) *time.Duration { return &c.Limits.DrainTimeout }, durationBetween(0, 24*time.Hour))},
	}
}

func observationSettings() []setting {
	return []setting{
		{group: groupObservation, name: "admin-listen", value: "[HOST]:PORT",
			help: "A second port, for operators only: /metrics, /rooms, /livez, /readyz, /debug/pprof. It asks nobody for a password. Without it /metrics answers on the main port, this machine only.",
			set:  one(func(c *Config) *endpoint { return &c.Observation.AdminListen }, parseEndpoint)},
		{group: groupObservation, name: "metrics-rooms", value: "N", preset: "100",
			help: "Rooms that have series of their own in /metrics; the rest is summed up.",
			set:  one(func(c *Config) *int { return &c.Observation.MetricsRooms }, intBetween(0, 10_000))},
		{group: groupObservation, name: "metrics-room-names", preset: "true",
			help: "Rooms stand in /metrics with their names; false hashes them.",
			set:  one(func(c *Config) *bool { return &c.Observation.MetricsRoomNames }, parseBool)},
		{group: groupObservation, name: "log-level", value: "LEVEL", preset: "info",
			help: "debug, info, warn or error.",
			set:  one(func(c *Config) *slog.Level { return &c.Observation.LogLevel }, parseLevel)},
		{group: groupObservation, name: "log-format", value: "FORMAT", preset: "text",
			help: "text or json.",
			set:  one(func(c *Config) *string { return &c.Observation.LogFormat }, oneOf("text", "json"))},
	}
}

// setVideoCodecs refuses repetitions, because the order is what counts.
func setVideoCodecs(c *Config, values []string) error {
	return list(func(c *Config) *[]codec.Type { return &c.Media.VideoCodecs }, distinct(parseVideoCodec))(c, values)
}
