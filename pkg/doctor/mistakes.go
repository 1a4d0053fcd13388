package doctor

// A Mistake is one of those that people make most when they set up a conference server.
type Mistake struct {
	// Name says what went wrong, Seen how users notice it.
	Name, Seen string
	// IDs are the Kinds that name it.
	IDs []string
}

// Mistakes are the ten most frequent ones, the most frequent first.
var Mistakes = []Mistake{
	{"Clients are told an address that they cannot reach: a container's, a private one, loopback.", "People join and chat, but see and hear nobody.",
		[]string{"address-container", "address-private", "address-cgnat", "address-loopback", "address-none", "stun-differs", "media-loopback",
			"media-unreachable"}},
	{"The media port is closed for UDP, or something else sits on it.", "No picture, or a poor one because everything goes over TCP.",
		[]string{"udp-unreachable", "udp-self-blocked", "port-taken"}},
	{"An HTTP proxy stands in front of the media port, or TCP is closed.", "It works at home, but not in offices and hotels.",
		[]string{"tcp-unreachable", "media-unreachable"}},
	{"TURN is configured but does not work.", "A few people never get a picture.",
		[]string{"turn-unreachable", "turn-credentials", "turn-relay", "relay-unreachable"}},
	{"The page is served without TLS.", "Browsers offer neither camera nor microphone.", []string{"certificate-none", "web-insecure"}},
	{"The certificate has expired, is incomplete, for another name, or signed by nobody.", "Browsers warn, apps fail.",
		[]string{"certificate-expired", "certificate-expiring", "certificate-chain", "certificate-name", "certificate-self", "certificate-unusable"}},
	{"A proxy does not pass WebSockets on, or cuts them off when they are quiet.", "Nobody can join, or everybody reconnects once a minute.",
		[]string{"websocket-blocked", "websocket-subprotocol", "websocket-idle-cut", "api-missing"}},
	{"A proxy hides who asks and for which host.", "The page is refused as another site's, or a whole school is limited like one person.",
		[]string{"origin-refused", "forwarded-missing", "forwarded-untrusted"}},
	{"Nodes behind one balancer do not know each other.", "Two people in the same room do not meet.",
		[]string{"second-blind", "engine-unreachable", "engine-jetstream", "engine-permissions", "peer-unreachable", "peer-secret",
			"peers-none", "peer-clock"}},
	{"The machine cuts in: it kills the server before its drain is over, or gives it too little.", "An update ends calls; a full server stutters.",
		[]string{"grace-short", "cpu-limit", "udp-buffers-small", "descriptors-few", "memory-small"}},
}
