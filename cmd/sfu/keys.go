package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"sfu/pkg/auth"
)

// readKeys returns the keys that tokens are signed with, nil where none are configured.
func readKeys(a Access) ([]auth.Key, error) {
	switch {
	case a.KeysFile != "":
		content, err := os.ReadFile(a.KeysFile)
		if err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		keys, err := auth.ParseKeys(content)
		if err != nil {
			return nil, fmt.Errorf("read keys from %s: %w", a.KeysFile, err)
		}
		return keys, nil
	case a.Keys != "":
		keys, err := auth.ParseKeys([]byte(a.Keys))
		if err != nil {
			return nil, fmt.Errorf("read keys from SFU_AUTH_KEYS: %w", err)
		}
		return keys, nil
	default:
		return nil, nil
	}
}

// newVerifier returns the Verifier for what is configured, and what keeps it fresh; that is nil where nothing can change.
func newVerifier(a Access) (auth.Verifier, refresher, error) {
	keys, err := readKeys(a)
	if err != nil {
		return nil, nil, err
	}
	if keys == nil {
		return auth.OpenRooms(), nil, nil
	}
	v, err := auth.NewVerifier(keys, auth.Config{Once: a.Once})
	if err != nil {
		return nil, nil, err
	}
	if a.KeysFile == "" {
		return v, nil, nil
	}
	f := &keyFile{path: a.KeysFile, verifier: v}
	f.content, err = os.ReadFile(a.KeysFile)
	return v, f, err
}

// keyFile gives a verifier the keys that stand in a file now.
type keyFile struct {
	path     string
	content  []byte
	verifier *auth.KeyVerifier
}

// Refresh reads the file. After an error the keys before stay.
func (f *keyFile) Refresh(time.Time) (changed bool, err error) {
	content, err := os.ReadFile(f.path)
	if err != nil {
		return false, fmt.Errorf("read keys: %w", err)
	}
	if bytes.Equal(content, f.content) {
		return false, nil
	}
	keys, err := auth.ParseKeys(content)
	if err != nil {
		return false, fmt.Errorf("read keys from %s: %w", f.path, err)
	}
	if err := f.verifier.SetKeys(keys); err != nil {
		return false, fmt.Errorf("use keys from %s: %w", f.path, err)
	}
	f.content = content
	return true, nil
}

// readSecret returns the secret that is shared with the TURN servers, "" where there is none.
func readSecret(t TURN) (secret, error) {
	if t.SecretFile == "" {
		return t.Secret, nil
	}
	content, err := os.ReadFile(t.SecretFile)
	if err != nil {
		return "", fmt.Errorf("read TURN secret: %w", err)
	}
	s := strings.TrimSpace(string(content))
	if s == "" {
		return "", fmt.Errorf("read TURN secret: %s is empty", t.SecretFile)
	}
	return secret(s), nil
}
