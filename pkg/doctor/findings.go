package doctor

import "slices"

// A Kind is something that can be found.
type Kind struct {
	ID string
	// Meaning says what it means, Remedy what to do about it in general; a Finding's own remedy may name more. Kinds that are good have none.
	Meaning, Remedy string
}

// Kinds returns everything that can be found, by subject.
func Kinds() []Kind {
	return slices.Concat(commonKinds, settingKinds, addressKinds, fileKinds, relayKinds, clusterKinds, machineKinds, webKinds, mediaKinds)
}

var kinds = func() map[string]Kind {
	all := map[string]Kind{}
	for _, k := range Kinds() {
		all[k.ID] = k
	}
	return all
}()

func kindOf(id string) Kind { return kinds[id] }

var commonKinds = []Kind{
	{"check-unfinished", "A check took longer than it may.",
		"Run the command again; if it stays, look at what it was asking: the machine or the network does not answer."},
}

var settingKinds = []Kind{
	{"settings", "The settings can be used.", ""},
	{"settings-invalid", "A setting cannot be read, or two exclude each other; the server would not start.",
		"Correct it; sfu --help lists what can be set."},
	{"port-free", "A port of the server is free.", ""},
	{"port-served", "A port is held by an sfu that answers.", ""},
	{"port-taken", "Another program holds a port of the server.", "Stop that program or choose another port with --listen or --media-port."},
	{"port-silent", "A port is held, and what holds it does not answer as sfu does.", "If it is an sfu, restart it; otherwise choose another port."},
	{"port-forbidden", "The port may not be opened by this user.",
		"Give the server CAP_NET_BIND_SERVICE, as deploy/sfu.service does, or choose a port above 1023."},
	{"grace", "What stops the server waits long enough for its drain.", ""},
	{"grace-short", "What stops the server kills it before its drain is over, and with it the calls.",
		"Raise TimeoutStopSec (systemd), terminationGracePeriodSeconds (Kubernetes) or stop_grace_period (Compose), or lower --drain-timeout."},
	{"grace-unknown", "How long the server has to end is not known here.",
		"See that TimeoutStopSec, terminationGracePeriodSeconds or stop_grace_period is longer than --drain-timeout and --drain-lb-delay together; " +
			"--grace tells it to this check."},
}

var addressKinds = []Kind{
	{"address", "An address that clients are told.", ""},
	{"address-none", "Clients are told no address that they could reach.", "Connect the machine to a network or set --public-ip."},
	{"address-loopback", "Only browsers on this machine can send media.",
		"Leave the host out of --listen, or set --public-ip to an address that others reach."},
	{"address-private", "Only people in the same network can send media.",
		"For others set --public-ip to the address under which they reach this machine."},
	{"address-container", "The address is one of a container's bridge and means nothing outside: people elsewhere see and hear nobody.",
		"Set --public-ip to the host's address and publish the media port for TCP and UDP, or use the host's network."},
	{"address-cgnat", "The address belongs to a carrier's NAT or an overlay network (RFC 6598): the Internet cannot reach it.",
		"Set --public-ip to a public address; behind a carrier's NAT only a server elsewhere or a TURN server helps."},
	{"address-local", "An address in --public-ip has a local half that this machine does not have.",
		"Correct the part behind the slash in --public-ip."},
	{"address-note", "A remark on the choice of addresses.", "See --public-ip."},
	{"udp-self", "Media's UDP port can be reached at an announced address from this machine.", ""},
	{"udp-self-blocked", "Media's UDP port cannot be reached even from this machine, at an address that is its own.",
		"A firewall on this machine drops it: open the media port for UDP."},
	{"udp-hairpin", "An announced address cannot be reached from this machine. Many NATs do not lead back inside.",
		"Run sfu doctor --remote from elsewhere to know whether it can be reached there."},
	{"stun-mapped", "A STUN server sees this machine at an address that is announced.", ""},
	{"stun-differs", "A STUN server sees this machine at an address that is not announced.",
		"Set --public-ip to the address that the STUN server sees."},
	{"stun-unreachable", "The STUN server does not answer over UDP.", "Check its address, and that this machine may send UDP to the outside."},
}

var fileKinds = []Kind{
	{"certificate", "The TLS certificate is good.", ""},
	{"certificate-none", "The server speaks plain HTTP: browsers give camera and microphone to pages on this machine only.",
		"Use --tls-cert and --tls-key, or --tls-self in a local network, or a proxy with TLS in front and --trusted-proxies."},
	{"certificate-self", "Nobody whom browsers trust signed the certificate: they warn, and WebSockets of other sites fail.",
		"Get a certificate from an authority such as Let's Encrypt, or have everyone accept this one."},
	{"certificate-unusable", "Certificate and key cannot be read or do not fit together.",
		"Give --tls-cert the chain and --tls-key its very key, both in PEM."},
	{"certificate-expired", "The certificate is not valid today.", "Renew it; the server reads the files again by itself."},
	{"certificate-expiring", "The certificate ends in less than 14 days.",
		"See that renewal works, and that the files given to the server are the renewed ones."},
	{"certificate-chain", "The chain is incomplete: browsers that have not seen the missing part refuse it.",
		"Put the intermediate certificates behind the server's in the file of --tls-cert (often called fullchain.pem)."},
	{"certificate-name", "The certificate is not for this name.", "Get one that names the host people open."},
	{"keys", "The keys for tokens can be used.", ""},
	{"keys-open", "There are no keys: whoever reaches the server may enter every room.", "If that is not meant, give --auth-keys-file."},
	{"keys-invalid", "The keys for tokens cannot be read; the server would not start.",
		"Each line of the file is \"id algorithm key\"; see README.md, Who may come in."},
	{"file", "A file with a secret can be read by the server alone.", ""},
	{"file-unreadable", "A file that a setting names cannot be read, or is empty.",
		"Correct the path, or let the user that the server runs as read it."},
	{"file-exposed", "A file with a secret can be read by every user of this machine.",
		"chmod 600 it and give it to the user that the server runs as."},
}

var relayKinds = []Kind{
	{"turn", "The TURN server takes our credentials and relays packets.", ""},
	{"turn-none", "There is no TURN server. Most people need none, because media also goes over TCP.",
		"For networks that let through nothing but TLS on 443, run a TURN server there and name it in --turn-url."},
	{"turn-unreachable", "The TURN server does not answer.", "Check the URL in --turn-url, that the server runs, and that its port is open."},
	{"turn-credentials", "The TURN server refuses the credentials that we make.",
		"Give both the same secret: --turn-secret-file here, static-auth-secret with use-auth-secret in coturn; their clocks must agree, too."},
	{"turn-relay", "The TURN server gives out an address but relays nothing.",
		"Open its range of relay ports for UDP (coturn: min-port, max-port), set its public address (external-ip), and do not deny its own address " +
			"as a peer."},
}

var clusterKinds = []Kind{
	{"engine", "NATS works for what nodes agree on.", ""},
	{"engine-alone", "The node is alone and needs no NATS.", ""},
	{"engine-unreachable", "A NATS server cannot be reached: new rooms cannot be opened without one.",
		"Check --nats-url, --nats-creds, --nats-ca, and that its port is open to this machine."},
	{"engine-jetstream", "A NATS server has no JetStream, in which the owners of rooms are kept.",
		"Start it with JetStream (jetstream {} in its configuration, or -js)."},
	{"engine-version", "A NATS server is older than what sfu is tested with.", "Update it to 2.10 or newer."},
	{"engine-slow", "NATS answers slowly; opening a room takes several round trips.", "Run NATS near the nodes, on disks that are not busy."},
	{"engine-permissions", "NATS does not let this user do what a node must.", "Give the user the permissions that docs/deploy.md lists."},
	{"engine-bucket", "The bucket with the owners of rooms has other settings than it should.",
		"Delete or edit it as the message says, while no node runs; nodes make it anew."},
	{"engine-replicas", "NATS keeps fewer copies than its servers allow: the loss of one server can stop new rooms.",
		"With three servers, nats stream edit KV_SFU_ROOMS --replicas=3 makes copies now; name them all in --nats-url, or set " +
			"--nats-replicas=3, to have them from the start."},
	{"peers", "Every node that is heard of can be reached.", ""},
	{"peers-none", "No other node is heard of.", "Start others with the same --nats-url and cluster secret; alone, this one is not backed by any."},
	{"peer-unreachable", "A node is heard of but cannot be reached: whoever comes to one of the two cannot enter rooms of the other.",
		"Open the port of --cluster-listen (7883/tcp) between the nodes, and set --cluster-address to what others can dial."},
	{"peer-secret", "A node has another cluster secret.",
		"Give all nodes the same --cluster-secret-file; to change it, list both secrets in it for a while."},
	{"peer-clock", "The clocks of two nodes differ by more than 500 ms: tokens and TURN credentials may be refused by one of them.",
		"Let chrony or systemd-timesyncd run on every node."},
}

var machineKinds = []Kind{
	{"clock", "The clock is set.", ""},
	{"clock-unsynchronised", "The kernel does not know its clock to be synchronised: tokens, TURN credentials and certificates depend on it.",
		"Let chrony or systemd-timesyncd run."},
	{"clock-wrong", "The clock stands in the past.", "Set it, and let chrony or systemd-timesyncd run."},
	{"descriptors", "The server may have enough connections open.", ""},
	{"descriptors-few", "The limit of open files is below what the server takes in connections.",
		"Raise it: LimitNOFILE=65536 (systemd), ulimits (Compose), or ulimit -n."},
	{"udp-buffers", "The kernel gives the media sockets the buffers that they ask for.", ""},
	{"udp-buffers-small", "The kernel gives the media sockets smaller buffers than they ask for: bursts are lost.",
		"sysctl -w net.core.rmem_max=8388608 net.core.wmem_max=8388608, and the same in /etc/sysctl.d; in a container set it on the host."},
	{"gso", "The kernel cuts up runs of packets (UDP GSO).", ""},
	{"gso-missing", "The kernel does not cut up runs of packets (UDP GSO): sending costs more.", "Use Linux 4.18 or newer; some sandboxes hide it."},
	{"cpu", "The server may use the processors that it counts on.", ""},
	{"cpu-limit",
		"The processor limit of the container is below what the server counts on: the kernel stops it for tens of milliseconds, and media stutters.",
		"Unset GOMAXPROCS or raise the limit; best is no limit and a request instead."},
	{"cpu-few", "The server has less than one processor.", "Give it at least one: whole packets wait while it is stopped."},
	{"memory", "There is memory for calls.", ""},
	{"memory-small", "There is little memory: an idle participant takes about 150 KiB, the process 40 MiB.",
		"Raise the limit of the container to 256 MiB or more."},
}

var webKinds = []Kind{
	{"dns", "The name has an address.", ""},
	{"dns-failed", "The name has no address.", "Add an A or AAAA record for it, or correct the URL."},
	{"web-unreachable", "Nobody answers at the public address.",
		"Open its TCP port in firewall and router, and see that the proxy or the server runs."},
	{"web-insecure", "The page is not served over TLS: browsers give it neither camera nor microphone.",
		"Serve it under https; see certificate-none."},
	{"web-unverified", "The server cannot show who it is, so the token is not given to it.", "Correct the certificate first."},
	{"page", "The page is served.", ""},
	{"page-version", "The page is that of another version than this sfu.",
		"Compare with sfu version on the server, and update the one that is older."},
	{"page-missing", "Something else than sfu's page is served at the address.",
		"Point the proxy's location at the server, and give the URL with its path."},
	{"api", "The server says what a client must know.", ""},
	{"api-missing", "What must answer under v1/ does not.", "Pass every path below the page's on to the server, v1/ with the rest."},
	{"server-refuses", "The server refuses a request.", "See the code in the message: pkg/signaling/PROTOCOL.md says what each means."},
	{"websocket", "A WebSocket gets through.", ""},
	{"websocket-blocked", "A WebSocket does not get through: nobody can join.",
		"Let the proxy pass upgrades on. nginx: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade, proxy_set_header Connection " +
			"\"upgrade\"."},
	{"websocket-subprotocol", "The WebSocket's subprotocol is lost on the way.",
		"Let the proxy pass Sec-WebSocket-Protocol on, in both directions."},
	{"websocket-idle", "A quiet WebSocket stays open.", ""},
	{"websocket-idle-cut", "A quiet WebSocket is cut off: people lose their connection again and again.",
		"Raise the proxy's idle timeout to an hour. nginx: proxy_read_timeout 3600s; HAProxy: timeout tunnel 1h; ALB: idle timeout 3600."},
	{"origin", "The server takes requests of its own page.", ""},
	{"origin-refused", "The server takes its own page for another site's, because the host it is asked for is not the one that people open.",
		"Let the proxy keep the Host header (nginx: proxy_set_header Host $http_host), or send X-Forwarded-Host and name the proxy in " +
			"--trusted-proxies; or name the site in --allowed-origins."},
	{"forwarded", "The server sees the addresses of clients.", ""},
	{"forwarded-missing", "The server sees the address of a proxy instead of the client's: all clients share the limits of one address.",
		"Let the proxy send X-Forwarded-For (nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for), and name it in --trusted-proxies."},
	{"forwarded-untrusted", "A proxy names the client, but the server does not believe it: all clients share the limits of one address.",
		"Name the proxy's address in --trusted-proxies."},
	{"forwarded-unknown", "Whether the server sees the addresses of clients is not known.",
		"Run it from a machine whose address you know, against a server of this version."},
}

var mediaKinds = []Kind{
	{"udp", "Media comes back over UDP.", ""},
	{"udp-unreachable", "Media does not get through over UDP, but otherwise: calls work, with worse sound and picture on bad lines.",
		"Open the media port for UDP in firewall and router; --public-ip must be an address that leads there."},
	{"tcp", "Media comes back over TCP.", ""},
	{"tcp-unreachable", "Media does not get through over TCP: people in networks without UDP see and hear nobody.",
		"Open the media port for TCP, too; an HTTP proxy in front cannot carry media, then use --media-port past it."},
	{"media-unreachable", "Media gets through neither over UDP nor over TCP: people can join and chat but see and hear nobody.",
		"Open the media port for UDP and TCP, and set --public-ip to an address that leads there."},
	{"relay", "Media comes back through the TURN server.", ""},
	{"relay-unreachable", "Media does not get through over the TURN server that clients are told.",
		"The TURN server must reach the server's media port over UDP; see the findings about turn."},
	{"media-silent", "A connection is there, but what was sent does not come back.",
		"Look at the server's log; --direct-media=false tells whether the fast path is to blame."},
	{"media-damaged", "Media comes back damaged.", "Try --udp-gso=false: some network cards cut packets up wrongly."},
	{"media-lossy", "Many packets are lost on the way.",
		"See sfu_udp_receive_buffer_drops_total at the server; if it is 0, the line loses them: try from elsewhere."},
	{"media-elsewhere", "Media comes from an address that the server does not announce.",
		"A NAT rewrites it on the way: give --public-ip the address that it uses."},
	{"media-loopback", "The server announces nothing that is reachable from elsewhere.", "Set --public-ip."},
	{"announced-unreachable", "One of several addresses that the server announces cannot be reached from here. Clients waste a check on it.",
		"If nobody needs it, choose with --public-ip what is announced."},
	{"join-refused", "The server lets the check not in.", "Give a token with --token: sfu token makes one."},
	{"join-slow", "Joining takes long.", "See sfu_join_seconds at the server and the round-trip time here."},
	{"second", "A second participant, by another connection, sees the first one.", ""},
	{"second-blind", "A second participant does not see the first one: the balancer brought them to nodes that do not know each other's rooms.",
		"Give all nodes the same --nats-url and cluster secret; run sfu doctor on them for engine and peers."},
	{"second-skipped", "A second participant was not tried, because a token lets in one person.",
		"Give two tokens of one room: --token=FIRST,SECOND."},
}
