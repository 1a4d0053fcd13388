package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Bounds of one message, whatever its size.
const (
	// MaxMessageBytes bounds a frame.
	MaxMessageBytes = 256 << 10
	maxDepth        = 16
	// maxElements bounds one array and one object.
	maxElements = 512
	// maxValues bounds a message: its values take about fifty times the bytes they have on the wire.
	maxValues = 10_000
	// maxID is the largest integer that every JSON implementation represents exactly.
	maxID = 1<<53 - 1
)

// A Request is a message of a client. Body is nil when its type is unknown or its fields are wrong.
type Request struct {
	ID   uint64
	Body ClientMessage
}

// Decode reads the frame of a client strictly. An error is an *Error; the Request then has the ID where that could be read, so
// that the refusal can name the request.
func Decode(frame []byte) (Request, error) {
	if !utf8.Valid(frame) {
		return Request{}, BadMessage.Refuse()
	}
	p := parser{tokens: json.NewDecoder(bytes.NewReader(frame))}
	p.tokens.UseNumber()
	root, err := p.message()
	if err != nil {
		return Request{}, BadRequest.Because("The message is not usable: " + err.Error() + ".")
	}
	r := &reader{}
	o := object{members: root}
	req := Request{ID: r.positive(o, "id")}
	kind := r.text(o, "type")
	if r.failure != nil {
		return req, r.failure
	}
	decode, known := clientMessages[kind]
	if !known {
		return req, Unsupported.Refuse()
	}
	body := decode(r, o)
	if r.failure != nil {
		return req, r.failure
	}
	req.Body = body
	return req, nil
}

// A parser builds the tree of one message. Unlike encoding/json it bounds the tree, refuses repeated keys and matches keys exactly.
type parser struct {
	tokens *json.Decoder
	values int
}

var (
	errSyntax   = errors.New("it is not one JSON object")
	errDepth    = fmt.Errorf("it is nested deeper than %d", maxDepth)
	errElements = fmt.Errorf("it has more than %d elements in one place", maxElements)
	errValues   = fmt.Errorf("it has more than %d values", maxValues)
	errRepeated = errors.New("a key is repeated")
)

func (p *parser) message() (map[string]any, error) {
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	root, ok := v.(map[string]any)
	if _, err := p.tokens.Token(); !ok || err != io.EOF {
		return nil, errSyntax
	}
	return root, nil
}

// value returns the next value as string, json.Number, bool, nil, []any or map[string]any.
func (p *parser) value(depth int) (any, error) {
	t, err := p.tokens.Token()
	if err != nil {
		return nil, errSyntax
	}
	if p.values++; p.values > maxValues {
		return nil, errValues
	}
	delim, ok := t.(json.Delim)
	switch {
	case !ok:
		return t, nil
	case depth == maxDepth:
		return nil, errDepth
	case delim == '[':
		return p.array(depth + 1)
	default:
		return p.object(depth + 1)
	}
}

func (p *parser) array(depth int) (any, error) {
	var list []any
	for p.tokens.More() {
		if len(list) == maxElements {
			return nil, errElements
		}
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, p.end()
}

func (p *parser) object(depth int) (any, error) {
	members := map[string]any{}
	for p.tokens.More() {
		if len(members) == maxElements {
			return nil, errElements
		}
		t, err := p.tokens.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, errSyntax
		}
		if _, repeated := members[key]; repeated {
			return nil, errRepeated
		}
		if members[key], err = p.value(depth); err != nil {
			return nil, err
		}
	}
	return members, p.end()
}

func (p *parser) end() error {
	if _, err := p.tokens.Token(); err != nil {
		return errSyntax
	}
	return nil
}
