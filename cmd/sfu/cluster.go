package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"sfu/pkg/cluster"
	"sfu/pkg/cluster/engine"
	"sfu/pkg/cluster/ownership"
	"sfu/pkg/signaling"
	"sfu/pkg/signaling/protocol"
)

// openCluster makes the node of the cluster. The parts that it needs are there; nothing is served before.
func (a *assembly) openCluster(m materials) error {
	c := m.Config.Cluster
	cfg := cluster.Config{Name: nodeName(c), Version: buildVersion(), URL: c.PublicURL, Rules: ownership.DefaultRules(), Log: m.Log}
	cfg.Rules.MaxRooms = m.Config.Limits.MaxRooms
	if c.several() {
		secrets, err := readClusterSecrets(c)
		if err != nil {
			return usageError{err}
		}
		cfg.Secrets = secrets
		cfg.External = &engine.External{
			URLs: c.NATS.URLs, CredsFile: c.NATS.CredsFile, CAFile: c.NATS.CAFile, CertFile: c.NATS.CertFile, KeyFile: c.NATS.KeyFile,
			Replicas: c.NATS.Replicas,
		}
		if cfg.Listener, err = net.Listen("tcp", c.Listen.String()); err != nil {
			return fmt.Errorf("listen for other nodes (--cluster-listen): %w", err)
		}
		if cfg.Address, err = clusterAddress(c, cfg.Listener.Addr()); err != nil {
			_ = cfg.Listener.Close()
			return usageError{err}
		}
	}
	node, err := cluster.New(cfg, nodeRooms{a, newLoad()}, cluster.Requests{Serve: a.signals, Refuse: refuseRequest})
	if err != nil {
		if cfg.Listener != nil {
			_ = cfg.Listener.Close()
		}
		return err
	}
	a.cluster.Store(node)
	return nil
}

func nodeName(c Cluster) string {
	if c.NodeName != "" {
		return c.NodeName
	}
	name, err := os.Hostname()
	if err != nil {
		return "sfu"
	}
	return name
}

// readClusterSecrets returns what the nodes' keys are derived from.
func readClusterSecrets(c Cluster) ([][]byte, error) {
	text := []byte(c.Secret)
	if c.SecretFile != "" {
		var err error
		if text, err = os.ReadFile(c.SecretFile); err != nil {
			return nil, fmt.Errorf("read the cluster's secret: %w", err)
		}
	}
	var all [][]byte
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the cluster's secret is empty")
	}
	return all, nil
}

// clusterAddress is where other nodes find this one.
func clusterAddress(c Cluster, listening net.Addr) (string, error) {
	at := listening.(*net.TCPAddr).AddrPort()
	host, port := c.Address.host, at.Port()
	if c.Address.port != 0 {
		port = c.Address.port
	}
	if host == "" {
		a := at.Addr().Unmap()
		if a.IsUnspecified() {
			var ok bool
			if a, ok = outsideAddress(netip.AddrFrom4([4]byte{})); !ok {
				return "", errors.New("this machine has no address that other nodes could reach; set --cluster-address")
			}
		}
		host = a.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port))), nil
}

// nodeRooms is what the cluster needs of rooms and sessions.
type nodeRooms struct {
	*assembly
	load *loadMeter
}

func (r nodeRooms) Move(room string, over time.Duration) int { return r.signals.Move(room, over) }
func (r nodeRooms) Participants(room string) int             { return r.rooms.Participants(room) }
func (r nodeRooms) Save(room string) json.RawMessage         { return r.rooms.Save(room) }
func (r nodeRooms) Restore(room string, saved json.RawMessage) error {
	return r.rooms.Restore(room, saved)
}
func (r nodeRooms) People() int   { return r.signals.Stats().Sessions }
func (r nodeRooms) Load() float64 { return r.load.read(time.Now()) }

// began and ended tell the cluster of rooms here.
func (a *assembly) began(room string) {
	if c := a.cluster.Load(); c != nil {
		c.RoomBegan(room)
	}
}

func (a *assembly) ended(room string) {
	if c := a.cluster.Load(); c != nil {
		c.RoomEnded(room)
	}
}

// admit refuses who wants to join, but not who comes back, on a node that is cut off: others may open the same room elsewhere.
func (a *assembly) admit() error {
	if err := a.cluster.Load().Condition(); err != nil {
		return refusalOf(&cluster.Refused{Reason: ownership.Isolated, RetryAfter: 2 * time.Second})
	}
	return nil
}

// signals are where the page must be allowed to open sockets beside its own server.
func (c Cluster) signals() []string {
	switch {
	case !c.Redirect:
		return nil
	case strings.HasPrefix(c.PublicURL, "http:"):
		return []string{"ws:"}
	}
	return []string{"wss:"}
}

// A locator asks the cluster where rooms are.
type locator struct {
	assembly *assembly
	redirect bool
}

// Locate implements signaling.Locator.
func (l locator) Locate(ctx context.Context, room string) (signaling.Location, error) {
	at, err := l.assembly.cluster.Load().Locate(ctx, room)
	return l.location(room, at, err)
}

// Find implements signaling.Locator.
func (l locator) Find(ctx context.Context, room string) (signaling.Location, error) {
	at, err := l.assembly.cluster.Load().Find(ctx, room)
	return l.location(room, at, err)
}

func (l locator) location(room string, at cluster.Location, err error) (signaling.Location, error) {
	var refused *cluster.Refused
	switch {
	case errors.As(err, &refused):
		return signaling.Location{}, refusalOf(refused)
	case err != nil || at.Here:
		return signaling.Location{}, err
	case l.redirect && at.URL != "":
		return signaling.Location{Signal: "ws" + strings.TrimPrefix(at.URL, "http") + "/v1/rooms/" + url.PathEscape(room) + "/signal"}, nil
	}
	return signaling.Location{Elsewhere: at.Elsewhere}, nil
}

// refusalOf says in the protocol's words why no node serves a room.
func refusalOf(r *cluster.Refused) *protocol.Error {
	sentence := map[ownership.Refusal]string{
		ownership.Full:        "All servers are full at the moment; try again later.",
		ownership.Draining:    "The server is about to end and takes no new rooms; try again in a moment.",
		ownership.Isolated:    "The server has lost its connection to the others; try again in a moment.",
		ownership.Alive:       "The server of this room does not answer; it is being replaced.",
		ownership.NoEngine:    "New rooms cannot be opened at the moment; try again soon.",
		ownership.Unreachable: "The servers that have room cannot be reached; try again in a moment.",
	}[r.Reason]
	refusal := protocol.RoomUnavailable.Refuse()
	if sentence != "" {
		refusal = protocol.RoomUnavailable.Because(sentence)
	}
	refusal.RetryAfter = r.RetryAfter.Milliseconds()
	return refusal
}

// refuseRequest answers a request that was on its way to another node when no node could serve it any more.
func refuseRequest(w http.ResponseWriter, _ *http.Request, why *cluster.Refused) {
	e := refusalOf(why)
	w.Header().Set("Retry-After", strconv.FormatInt((e.RetryAfter+999)/1000, 10))
	writeJSON(w, e.Code.Status(), protocol.Refusal{Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter})
}
