package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Cluster is how this node works together with others. Without NATS servers it is a cluster of one.
type Cluster struct {
	NodeName string
	NATS     NATS
	// Listen is where other nodes come in, Address what they are told instead.
	Listen  endpoint
	Address nodeAddress
	// SecretFile and Secret are what all nodes share; of a file each line is one, the first of which is used, so that it can be changed.
	SecretFile string
	Secret     secret
	// Redirect sends clients to PublicURL of the node that they need, instead of passing their sockets on.
	Redirect  bool
	PublicURL string
}

// NATS is the engine that nodes share.
type NATS struct {
	URLs                                 []string
	CredsFile, CAFile, CertFile, KeyFile string
	Replicas                             int
}

func (c Cluster) several() bool { return len(c.NATS.URLs) > 0 }

// A nodeAddress is a host, and a port unless it is that of --cluster-listen.
type nodeAddress struct {
	host string
	port uint16
}

func clusterSettings() []setting {
	return []setting{
		{group: groupCluster, name: "nats-url", value: "URL,…",
			help: "NATS servers with JetStream that all nodes of a cluster share, as nats://nats:4222 or tls://…. Without it the node is alone, needs no server and opens no further port.",
			set:  list(func(c *Config) *[]string { return &c.Cluster.NATS.URLs }, parseNATS)},
		{group: groupCluster, name: "nats-creds", value: "FILE",
			help: "Credentials for NATS (a .creds file).",
			set:  one(func(c *Config) *string { return &c.Cluster.NATS.CredsFile }, parseText)},
		{group: groupCluster, name: "nats-ca", value: "FILE",
			help: "Certificates in PEM that NATS servers are verified with, instead of the system's.",
			set:  one(func(c *Config) *string { return &c.Cluster.NATS.CAFile }, parseText)},
		{group: groupCluster, name: "nats-cert", value: "FILE",
			help: "Certificate in PEM that NATS servers verify this node with.",
			set:  one(func(c *Config) *string { return &c.Cluster.NATS.CertFile }, parseText)},
		{group: groupCluster, name: "nats-key", value: "FILE",
			help: "Its key.",
			set:  one(func(c *Config) *string { return &c.Cluster.NATS.KeyFile }, parseText)},
		{group: groupCluster, name: "nats-replicas", value: "N", preset: "0",
			help: "Copies that NATS keeps of who owns which room. 0 is three where --nats-url names three servers or more, otherwise one.",
			set:  one(func(c *Config) *int { return &c.Cluster.NATS.Replicas }, intBetween(0, 5))},
		{group: groupCluster, name: "cluster-listen", value: "[HOST]:PORT", preset: ":7883",
			help: "Where other nodes come in, over TLS. Only nodes need to reach it. Used with --nats-url.",
			set:  one(func(c *Config) *endpoint { return &c.Cluster.Listen }, parseEndpoint)},
		{group: groupCluster, name: "cluster-address", value: "HOST[:PORT]",
			help: "The address that other nodes are told. Without it: the one of --cluster-listen, or the one that this machine uses towards the outside.",
			set:  one(func(c *Config) *nodeAddress { return &c.Cluster.Address }, parseNodeAddress)},
		{group: groupCluster, name: "cluster-secret-file", value: "FILE",
			help: "A random secret of 16 bytes or more, the same on all nodes; their keys are derived from it. Several lines are several secrets, of which the first is used and all are accepted. Needed with --nats-url.",
			set:  one(func(c *Config) *string { return &c.Cluster.SecretFile }, parseText)},
		{group: groupCluster, name: "cluster-secret", value: "SECRET", envOnly: true,
			help: "The secret itself.",
			set:  one(func(c *Config) *secret { return &c.Cluster.Secret }, parseSecret)},
		{group: groupCluster, name: "node-name", value: "NAME",
			help: "What the node is called in logs, metrics and sfu nodes. Without it: the name of the machine.",
			set:  one(func(c *Config) *string { return &c.Cluster.NodeName }, parseNodeName)},
		{group: groupCluster, name: "signal-mode", value: "MODE", preset: "proxy",
			help: "What a node does with clients whose room is on another one: proxy passes their sockets on, redirect tells them that node's --public-url.",
			set:  setSignalMode},
		{group: groupCluster, name: "public-url", value: "URL",
			help: "The node's own address for clients, as https://sfu-1.example.org. Needed for redirect.",
			set:  one(func(c *Config) *string { return &c.Cluster.PublicURL }, parsePublicURL)},
		{group: groupCluster, name: "drain-lb-delay", value: "DURATION", preset: "0s",
			help: "How long a node that is to end goes on to take new people after /readyz has turned, for load balancers that look rarely.",
			set:  one(func(c *Config) *time.Duration { return &c.Limits.DrainDelay }, durationBetween(0, 5*time.Minute))},
	}
}

// checkCluster looks at settings of the cluster that depend on each other.
func (c Config) checkCluster() error {
	n := c.Cluster.NATS
	switch {
	case c.Cluster.SecretFile != "" && c.Cluster.Secret != "":
		return errors.New("--cluster-secret-file and SFU_CLUSTER_SECRET exclude each other")
	case c.Limits.DrainDelay > 0 && c.Limits.DrainDelay >= c.Limits.DrainTimeout:
		return errors.New("--drain-lb-delay must be shorter than --drain-timeout, or no room is moved in time")
	case (n.CertFile == "") != (n.KeyFile == ""):
		return errors.New("--nats-cert and --nats-key need each other")
	case c.Cluster.Redirect && c.Cluster.PublicURL == "":
		return errors.New("--signal-mode=redirect needs --public-url")
	case !c.Cluster.several():
		if n.CredsFile != "" || n.CAFile != "" || n.CertFile != "" || n.Replicas != 0 {
			return errors.New("--nats-creds, -ca, -cert, -key and -replicas need --nats-url")
		}
		return nil
	case c.Cluster.SecretFile == "" && c.Cluster.Secret == "":
		return errors.New("--nats-url needs --cluster-secret-file or SFU_CLUSTER_SECRET")
	case c.Cluster.Listen.port == 0 && c.Cluster.Address.port != 0:
		return errors.New("--cluster-address with a port needs one in --cluster-listen")
	case c.Cluster.Listen.conflicts(c.Network) ||
		c.Cluster.Listen.port != 0 && c.Observation.AdminListen.set && c.Cluster.Listen.port == c.Observation.AdminListen.port:
		return errors.New("--cluster-listen must be another port than --listen, --media-port and --admin-listen")
	}
	return nil
}

func parseNATS(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss" {
		return "", fmt.Errorf("%q is not a URL such as nats://nats:4222", text)
	}
	return text, nil
}

func parseNodeAddress(text string) (nodeAddress, error) {
	host, port, found := cutLast(text, ":")
	if _, err := netip.ParseAddr(text); err == nil || !found { // an IPv6 address without brackets has colons too
		host, port = text, ""
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" || strings.ContainsAny(host, "/ @") {
		return nodeAddress{}, fmt.Errorf("%q is not an address such as 10.0.0.5 or node-1.internal:7883", text)
	}
	a := nodeAddress{host: host}
	if port != "" {
		var err error
		if a.port, err = parsePort(port); err != nil {
			return nodeAddress{}, err
		}
	}
	return a, nil
}

func parseNodeName(text string) (string, error) {
	if text == "" || len(text) > 64 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`*>."\`, r) && r != '.' }) {
		return "", fmt.Errorf("%q is not a name of up to 64 letters, digits, dots and dashes", text)
	}
	return text, nil
}

func parsePublicURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("%q is not a URL such as https://sfu-1.example.org", text)
	}
	return strings.TrimSuffix(text, "/"), nil
}

func setSignalMode(c *Config, values []string) error {
	mode, err := oneOf("proxy", "redirect")(values[len(values)-1])
	c.Cluster.Redirect = mode == "redirect"
	return err
}
