//go:build linux

package clustertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A NATS is one NATS server with JetStream on disk.
type NATS struct {
	*Process
	name    string
	cluster *Cluster
	index   int
	// host is where it is reached. Where it is apart, that is by a network of two addresses.
	host  string
	apart bool
	dir   string
	log   *journal
}

func newNATS(t testing.TB, c *Cluster, i int, o Options) *NATS {
	t.Helper()
	s := &NATS{name: fmt.Sprintf("nats%d", i+1), cluster: c, index: i, host: c.block.nats(i), apart: o.Apart, dir: t.TempDir()}
	if s.apart {
		s.host = c.block.apart()
	}
	s.log = newJournal(t, s.name)
	if err := os.WriteFile(s.config(), []byte(s.configuration(o.NATS)), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *NATS) config() string { return filepath.Join(s.dir, "nats.conf") }
func (s *NATS) store() string  { return filepath.Join(s.dir, "store") }

// configuration keeps clients from learning the addresses of the other servers: they come through relays.
func (s *NATS) configuration(count int) string {
	b, listen := s.cluster.block, s.host
	if s.apart {
		listen = "0.0.0.0" // the address comes later
	}
	text := fmt.Sprintf("server_name: %s\nlisten: %q\nhttp: %q\njetstream { store_dir: %q, max_mem: 64M, max_file: 256M }\n",
		s.name, at(listen, portNATS), at(listen, portWatch), s.store())
	if count == 1 {
		return text
	}
	var routes []string
	for j := range count {
		routes = append(routes, fmt.Sprintf("%q", "nats-route://"+at(b.nats(j), portRoute)))
	}
	return text + fmt.Sprintf("cluster { name: test, listen: %q, no_advertise: true, routes: [%s] }\n",
		at(s.host, portRoute), strings.Join(routes, ", "))
}

// Start starts the server with what it has on disk. It does not wait for it.
func (s *NATS) Start(t testing.TB) {
	t.Helper()
	s.Process = start(t, program{name: s.name, path: s.cluster.programs.nats, args: []string{"-c", s.config()}, log: s.log, apart: s.apart})
	if s.apart {
		s.join(t)
	}
}

// AwaitReady waits until the server takes clients.
func (s *NATS) AwaitReady(t testing.TB) {
	t.Helper()
	Await(t, s.name+" is ready", func() bool { return Status(s.watch("/healthz?js-enabled-only=true")) == http.StatusOK })
}

// Wipe loses what a server that has ended had on disk.
func (s *NATS) Wipe(t testing.TB) {
	t.Helper()
	if err := os.RemoveAll(s.store()); err != nil {
		t.Fatal(err)
	}
}

func (s *NATS) watch(path string) string {
	return "http://" + at(s.host, portWatch) + path
}

// Leader is the NATS server that decides about rooms.
func (c *Cluster) Leader(t testing.TB) *NATS {
	t.Helper()
	var leader *NATS
	Await(t, "the rooms have a leader", func() bool {
		for _, s := range c.NATS {
			if name := s.leader(); name != "" {
				for _, leader = range c.NATS {
					if leader.name == name {
						return true
					}
				}
			}
		}
		return false
	})
	return leader
}

// leader asks the server who leads the stream of the rooms, "" if it does not know.
func (s *NATS) leader() string {
	var answer struct {
		Accounts []struct {
			Streams []struct {
				Name    string `json:"name"`
				Cluster struct {
					Leader string `json:"leader"`
				} `json:"cluster"`
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	body, err := get(s.watch("/jsz?accounts=true&streams=true"))
	if err != nil || json.Unmarshal(body, &answer) != nil {
		return ""
	}
	for _, a := range answer.Accounts {
		for _, stream := range a.Streams {
			if stream.Name == "KV_SFU_ROOMS" {
				return stream.Cluster.Leader
			}
		}
	}
	return ""
}
