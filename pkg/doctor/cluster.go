package doctor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Cluster asks NATS and the other nodes in the way that a node does.
type Cluster interface {
	// Engine looks at what nodes agree by. The error is why it could not be used at all.
	Engine(context.Context) (EngineState, error)
	// Peers tries every node that is heard of, itself left out.
	Peers(context.Context) ([]PeerState, error)
}

// An EngineState is what was seen of NATS.
type EngineState struct {
	// RTT is that of one read of the bucket.
	RTT time.Duration
	// Replicas is how many copies of the bucket are kept, Clustered whether there are several servers that could.
	Replicas  int
	Clustered bool
	// Denied is what the user may not do, Wrong what is not as it should be with the bucket.
	Denied, Wrong []string
}

// A PeerState is what was seen of another node.
type PeerState struct {
	Name, Address string
	// Err is why it cannot be reached; WrongSecret says that it is because of another secret.
	Err         error
	WrongSecret bool
	// RTT is that of one request. Skew is how far its clock is ahead of ours; SkewKnown is false where it was not told.
	RTT, Skew time.Duration
	SkewKnown bool
}

// What is still good.
const (
	slowEngine  = 100 * time.Millisecond
	mostSkew    = 500 * time.Millisecond
	natsVersion = "2.10" // the oldest that is supported
)

func (s *Server) clusterChecks() []Check {
	if len(s.NATS) == 0 {
		return []Check{{Name: "the engine", Look: func(context.Context) []Finding {
			return []Finding{found(OK, "engine-alone", "The node is alone (no --nats-url) and needs no NATS.")}
		}}}
	}
	checks := []Check{{Name: "NATS servers", Look: func(ctx context.Context) []Finding {
		var all []greeting
		for _, at := range s.NATS {
			all = append(all, greet(ctx, at))
		}
		return judgeGreetings(all)
	}}}
	if s.Cluster == nil {
		return checks
	}
	return append(checks,
		Check{Name: "the engine", Look: func(ctx context.Context) []Finding { return judgeEngine(s.Cluster.Engine(ctx)) }},
		Check{Name: "the other nodes", Limit: 15 * time.Second, Look: func(ctx context.Context) []Finding { return judgePeers(s.Cluster.Peers(ctx)) }})
}

// A greeting is what a NATS server says of itself before anybody is known to it.
type greeting struct {
	url string
	err error
	// silent is set where it waits for TLS first; then nothing else is known.
	silent    bool
	version   string
	jetStream bool
	rtt       time.Duration // of connecting
}

// greetTimeout is for one server.
const greetTimeout = 2 * time.Second

// greet connects and reads the first line of the server (INFO of the NATS client protocol).
func greet(ctx context.Context, at string) greeting {
	g := greeting{url: at}
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	u, err := url.Parse(at)
	if err != nil {
		g.err = err
		return g
	}
	g.url = u.Scheme + "://" + u.Host // without a password
	usual := map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	if usual == "" {
		usual = "4222"
	}
	port := u.Port()
	if port == "" {
		port = usual
	}
	begun := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		g.err = err
		return g
	}
	defer conn.Close()
	g.rtt = time.Since(begun)
	if strings.HasPrefix(u.Scheme, "ws") {
		g.silent = true // it waits for a request
		return g
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetReadDeadline(deadline)
	const mostInfo = 64 << 10
	line, err := bufio.NewReaderSize(conn, mostInfo).ReadSlice('\n')
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		g.silent = true
		return g
	}
	info := struct {
		Version   string `json:"version"`
		JetStream bool   `json:"jetstream"`
	}{}
	text, isInfo := strings.CutPrefix(string(line), "INFO ")
	if err == nil && (!isInfo || json.Unmarshal([]byte(text), &info) != nil) {
		err = errors.New("what answers is not NATS")
	}
	g.err, g.version, g.jetStream = err, info.Version, info.JetStream
	return g
}

// judgeGreetings says of each NATS server whether it can be used. As long as one can, the others are a warning.
func judgeGreetings(all []greeting) []Finding {
	reached := false
	for _, g := range all {
		reached = reached || g.err == nil
	}
	level := Fail
	if reached {
		level = Warn
	}
	var findings []Finding
	for _, g := range all {
		switch {
		case g.err != nil:
			findings = append(findings, found(level, "engine-unreachable", "The NATS server %s cannot be reached: %v.", g.url, g.err))
		case g.silent:
			findings = append(findings, found(OK, "engine", "The NATS server %s takes connections.", g.url))
		case !g.jetStream:
			findings = append(findings, found(Fail, "engine-jetstream", "The NATS server %s (%s) has no JetStream.", g.url, g.version))
		case older(g.version, natsVersion):
			findings = append(findings, found(Warn, "engine-version", "The NATS server %s is %s.", g.url, g.version))
		default:
			findings = append(findings, found(OK, "engine",
				"The NATS server %s (%s, with JetStream) takes connections after %v.", g.url, g.version, g.rtt.Round(100*time.Microsecond)))
		}
	}
	return findings
}

// older compares versions such as 2.9.25 by their numbers.
func older(version, than string) bool {
	a, b := strings.Split(version, "."), strings.Split(than, ".")
	for i := range b {
		if i >= len(a) {
			return true
		}
		have, err := strconv.Atoi(a[i])
		want, _ := strconv.Atoi(b[i])
		if err != nil || have != want {
			return err == nil && have < want
		}
	}
	return false
}

// judgeEngine says what is wrong with NATS for our use.
func judgeEngine(e EngineState, err error) []Finding {
	if err != nil {
		return []Finding{found(Fail, "engine-unreachable", "NATS cannot be used: %v.", err)}
	}
	var all []Finding
	if len(e.Denied) > 0 {
		all = append(all, found(Fail, "engine-permissions", "NATS denies %s.", strings.Join(e.Denied, ", ")))
	}
	for _, wrong := range e.Wrong {
		all = append(all, found(Warn, "engine-bucket", "The bucket with the owners of rooms is not as it should be: %s.", wrong))
	}
	if e.Clustered && e.Replicas < 3 {
		all = append(all, found(Warn, "engine-replicas", "NATS has several servers and keeps the owners of rooms on %d of them.", e.Replicas))
	}
	if e.RTT > slowEngine {
		all = append(all, found(Warn, "engine-slow", "One read from NATS takes %v.", e.RTT.Round(time.Millisecond)))
	}
	if len(all) == 0 {
		all = append(all, found(OK, "engine", "NATS answers in %v and keeps %d copies.", e.RTT.Round(10*time.Microsecond), e.Replicas))
	}
	return all
}

// judgePeers says of each node whether rooms can be reached there.
func judgePeers(peers []PeerState, err error) []Finding {
	if err != nil {
		return []Finding{found(Fail, "engine-unreachable", "Other nodes cannot be listened for: %v.", err)}
	}
	if len(peers) == 0 {
		return []Finding{found(Info, "peers-none", "No other node is heard of.")}
	}
	var all []Finding
	for _, p := range peers {
		who := fmt.Sprintf("Node %s at %s", p.Name, p.Address)
		switch {
		case p.WrongSecret:
			all = append(all, found(Fail, "peer-secret", "%s has another cluster secret.", who))
		case p.Err != nil:
			all = append(all, found(Fail, "peer-unreachable", "%s cannot be reached: %v.", who, p.Err))
		default:
			all = append(all, found(OK, "peers", "%s answers in %v.", who, p.RTT.Round(10*time.Microsecond)))
		}
		if p.SkewKnown && p.Skew.Abs() > mostSkew {
			all = append(all, found(Warn, "peer-clock", "The clock of node %s differs from ours by %v.", p.Name, p.Skew.Round(time.Millisecond)))
		}
	}
	return all
}
