package engine

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"

	"github.com/nats-io/nkeys"
)

// Config says who connects to what.
type Config struct {
	// Node is the name under which the server's tools list this client.
	Node string
	// Incarnation is unique for this process: answers come to the subjects under "_INBOX." and it. Letters and digits.
	Incarnation string
	// External is a NATS cluster to connect to; nil has a server in the process.
	External *External
	// Bucket is the name of the bucket, "SFU_ROOMS" if empty. Letters, digits, '-' and '_'.
	Bucket string
	// Log gets changes of the state, faults, and what a server in the process says, the latter at debug level. nil discards it all.
	Log *slog.Logger
}

// External is how to reach a NATS cluster with JetStream.
type External struct {
	// URLs are those of one or more of its servers, such as "nats://10.0.0.1:4222" or "tls://nats.example".
	URLs []string
	// CredsFile holds a user's JWT and seed as nsc writes them; CAFile, CertFile and KeyFile are PEM. Each may be empty; CertFile and KeyFile
	// go together. They are read again for each connection, so that they may be renewed.
	CredsFile, CAFile, CertFile, KeyFile string
	// Replicas is on how many servers a bucket that must be created is kept, 1 to 5; 0 is 3 where URLs has three or more and else 1.
	Replicas int
}

const (
	defaultBucket = "SFU_ROOMS"
	// maxValueBytes is how long a value may be, maxMessageBytes what that and the headers take in the bucket.
	maxValueBytes   = 4 << 10
	maxMessageBytes = maxValueBytes + 1<<10
	maxReplicas     = 5 // of JetStream
)

var (
	validIncarnation = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	validBucket      = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// complete fills in what was left out, and refuses what can never work. Files are read, so that a wrong path is known at the start.
func (c Config) complete() (Config, error) {
	if c.Bucket == "" {
		c.Bucket = defaultBucket
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case !validIncarnation.MatchString(c.Incarnation):
		return c, fmt.Errorf("incarnation %q: not letters and digits", c.Incarnation)
	case !validBucket.MatchString(c.Bucket):
		return c, fmt.Errorf("bucket %q: not letters, digits, '-' and '_'", c.Bucket)
	case c.External == nil:
		return c, nil
	}
	external, err := c.External.complete()
	c.External = &external
	return c, err
}

func (x External) complete() (External, error) {
	var urls []string
	for _, u := range x.URLs {
		for _, one := range strings.Split(u, ",") {
			if one = strings.TrimSpace(one); one != "" {
				urls = append(urls, one)
			}
		}
	}
	x.URLs = urls
	switch {
	case len(urls) == 0:
		return x, errors.New("no URL of a NATS server")
	case x.Replicas < 0 || x.Replicas > maxReplicas:
		return x, fmt.Errorf("%d replicas: not 1 to %d", x.Replicas, maxReplicas)
	case (x.CertFile == "") != (x.KeyFile == ""):
		return x, errors.New("a client certificate needs its key and the other way round")
	case x.Replicas == 0 && len(urls) >= 3:
		x.Replicas = 3
	case x.Replicas == 0:
		x.Replicas = 1
	}
	return x, x.readable()
}

func (x External) readable() error {
	if x.CredsFile != "" {
		content, err := os.ReadFile(x.CredsFile)
		if err == nil {
			_, err = nkeys.ParseDecoratedUserNKey(content)
		}
		if err != nil {
			return fmt.Errorf("read the NATS credentials %s: %w", x.CredsFile, err)
		}
	}
	if x.CAFile != "" {
		content, err := os.ReadFile(x.CAFile)
		if err == nil && !x509.NewCertPool().AppendCertsFromPEM(content) {
			err = errors.New("no certificate in it")
		}
		if err != nil {
			return fmt.Errorf("read the NATS certificate authority %s: %w", x.CAFile, err)
		}
	}
	if x.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(x.CertFile, x.KeyFile); err != nil {
			return fmt.Errorf("read the NATS client certificate %s: %w", x.CertFile, err)
		}
	}
	return nil
}
