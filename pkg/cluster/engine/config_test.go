package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestConfigs(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	one := []string{"nats://a"}
	for name, tt := range map[string]struct {
		config Config
		good   bool
	}{
		"embedded":            {Config{Incarnation: "K7"}, true},
		"no incarnation":      {Config{}, false},
		"incarnation":         {Config{Incarnation: "a.b"}, false},
		"bucket":              {Config{Incarnation: "K7", Bucket: "a b"}, false},
		"external":            {Config{Incarnation: "K7", External: &External{URLs: one}}, true},
		"no URL":              {Config{Incarnation: "K7", External: &External{URLs: []string{" ,"}}}, false},
		"replicas":            {Config{Incarnation: "K7", External: &External{URLs: one, Replicas: 6}}, false},
		"no credentials":      {Config{Incarnation: "K7", External: &External{URLs: one, CredsFile: garbage + "x"}}, false},
		"credentials":         {Config{Incarnation: "K7", External: &External{URLs: one, CredsFile: garbage}}, false},
		"authority":           {Config{Incarnation: "K7", External: &External{URLs: one, CAFile: garbage}}, false},
		"certificate":         {Config{Incarnation: "K7", External: &External{URLs: one, CertFile: garbage, KeyFile: garbage}}, false},
		"certificate, no key": {Config{Incarnation: "K7", External: &External{URLs: one, CertFile: garbage}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := tt.config.complete(); (err == nil) != tt.good {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	for replicas, urls := range map[int][]string{1: {"nats://a", "nats://b"}, 3: {"nats://a, nats://b", "nats://c"}} {
		c, err := Config{Incarnation: "K7", External: &External{URLs: urls}}.complete()
		if err != nil {
			t.Fatal(err)
		}
		if c.External.Replicas != replicas || c.Bucket != defaultBucket || slices.Contains(c.External.URLs, "") {
			t.Errorf("%v: %+v", urls, *c.External)
		}
	}
}
