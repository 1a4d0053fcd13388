package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ParseKeys reads a key file. It is either text, one key per line as "id algorithm key", where empty lines and lines that begin
// with # do not count; or JSON, {"keys": [{"kid": …, "alg": …, "key": …}]}. NewKey says what a key looks like; in text it must be
// without spaces, so PEM needs JSON. Errors name the line or the id, never the key.
func ParseKeys(file []byte) ([]Key, error) {
	parse := parseKeyLines
	if bytes.HasPrefix(bytes.TrimSpace(file), []byte("{")) {
		parse = parseKeyJSON
	}
	keys, err := parse(file)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return keys, checkDistinct(keys)
}

func parseKeyLines(file []byte) ([]Key, error) {
	var keys []Key
	number := 0
	for line := range strings.Lines(string(file)) {
		number++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("line %d: want three fields: id, algorithm, key", number)
		}
		key, err := NewKey(fields[0], Algorithm(fields[1]), fields[2])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func parseKeyJSON(file []byte) ([]Key, error) {
	var document struct {
		Keys []struct {
			ID        string    `json:"kid"`
			Algorithm Algorithm `json:"alg"`
			Material  string    `json:"key"`
		} `json:"keys"`
	}
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("read as JSON: %w", err)
	}
	if decoder.More() {
		return nil, errors.New("read as JSON: something follows the document")
	}
	var keys []Key
	for _, k := range document.Keys {
		key, err := NewKey(k.ID, k.Algorithm, k.Material)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func checkDistinct(keys []Key) error {
	seen := map[string]bool{}
	for _, k := range keys {
		if seen[k.ID] {
			return fmt.Errorf("key %q is there twice", k.ID)
		}
		seen[k.ID] = true
	}
	return nil
}
