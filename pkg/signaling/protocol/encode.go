package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// EncodeRequest returns the frame of a request; id is positive.
func EncodeRequest(id uint64, m ClientMessage) []byte { return frame(m.Type(), "id", id, m) }

// EncodeReply returns the frame of the answer to the request re.
func EncodeReply(re uint64, m ServerMessage) []byte { return frame(m.Type(), "re", re, m) }

// EncodeEvent returns the frame of a message that answers nothing.
func EncodeEvent(m ServerMessage) []byte { return frame(m.Type(), "", 0, m) }

// frame writes {"type":…,"id":…} and the members of m behind it.
func frame(kind, numberKey string, number uint64, m any) []byte {
	var b bytes.Buffer
	b.WriteString(`{"type":"`)
	b.WriteString(kind)
	b.WriteByte('"')
	if number != 0 {
		b.WriteString(`,"` + numberKey + `":`)
		b.WriteString(strconv.FormatUint(number, 10))
	}
	head := b.Len()
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // SDP is full of characters that HTML would escape, and nothing here is put into HTML
	if err := enc.Encode(m); err != nil {
		panic(fmt.Sprintf("protocol: %T cannot be encoded: %v", m, err)) // strings, numbers and lists of them always can
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	out[head] = ','
	if string(out[head:]) == ",}" {
		return append(out[:head], '}')
	}
	return out
}

// DecodeServer is for clients: it reads what the server says. re is 0 for an event. Unknown types are an error that a client may skip.
func DecodeServer(data []byte) (re uint64, m ServerMessage, err error) {
	var head struct {
		Type string `json:"type"`
		Re   uint64 `json:"re"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return 0, nil, fmt.Errorf("decode server message: %w", err)
	}
	decode, known := serverMessages[head.Type]
	if !known {
		return head.Re, nil, fmt.Errorf("decode server message: unknown type %q", head.Type)
	}
	m, err = decode(data)
	if err != nil {
		return head.Re, nil, fmt.Errorf("decode server message %s: %w", head.Type, err)
	}
	return head.Re, m, nil
}

var serverMessages = map[string]func([]byte) (ServerMessage, error){
	Joined{}.Type():      as[Joined],
	Answer{}.Type():      as[Answer],
	Published{}.Type():   as[Published],
	Participant{}.Type(): as[Participant],
	Gone{}.Type():        as[Gone],
	Track{}.Type():       as[Track],
	Untrack{}.Type():     as[Untrack],
	Slots{}.Type():       as[Slots],
	Layers{}.Type():      as[Layers],
	Media{}.Type():       as[Media],
	Message{}.Type():     as[Message],
	Drain{}.Type():       as[Drain],
	Undrain{}.Type():     as[Undrain],
	Left{}.Type():        as[Left],
	OK{}.Type():          as[OK],
	Error{}.Type():       as[Error],
}

func as[T ServerMessage](data []byte) (ServerMessage, error) {
	var m T
	err := json.Unmarshal(data, &m)
	return m, err
}

// ClientTypes and ServerTypes return the names of all messages, in no order.
func ClientTypes() []string { return slices.Collect(maps.Keys(clientMessages)) }
func ServerTypes() []string { return slices.Collect(maps.Keys(serverMessages)) }
