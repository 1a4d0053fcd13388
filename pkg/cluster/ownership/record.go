package ownership

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An Incarnation is one process of one node: random, made at its start. A process that was started again is another one.
type Incarnation string

// An Epoch orders the owners of a room. Gen is when the store was made, in ns since 1970, Rev the revision of the claim in it. Both only
// grow; the zero Epoch is before all others.
type Epoch struct {
	Gen int64  `json:"gen"`
	Rev uint64 `json:"rev"`
}

// Compare returns -1, 0 or 1 as e is before, equal to or after o.
func (e Epoch) Compare(o Epoch) int {
	return cmp.Or(cmp.Compare(e.Gen, o.Gen), cmp.Compare(e.Rev, o.Rev))
}

// String writes e as "gen-rev".
func (e Epoch) String() string {
	return strconv.FormatInt(e.Gen, 10) + "-" + strconv.FormatUint(e.Rev, 10)
}

// ParseEpoch reads what String wrote.
func ParseEpoch(text string) (Epoch, error) {
	gen, rev, ok := strings.Cut(text, "-")
	g, errGen := strconv.ParseInt(gen, 10, 64)
	r, errRev := strconv.ParseUint(rev, 10, 64)
	if !ok || errGen != nil || errRev != nil {
		return Epoch{}, fmt.Errorf("%q is no epoch", text)
	}
	return Epoch{g, r}, nil
}

// A Member is a node as others find it.
type Member struct {
	Incarnation Incarnation `json:"inc"`
	// Node is its name for people.
	Node string `json:"node"`
	// Addr is where other nodes reach it, host:port.
	Addr string `json:"addr"`
	// URL is its own address for clients, "" where it has none.
	URL string `json:"url,omitempty"`
}

// A Record says who owns a room. It is the value under RID(Room).
type Record struct {
	Version int    `json:"v"`
	Room    string `json:"room"`
	Owner   Member `json:"owner"`
	// Previous is the epoch that this one follows: that of the owner that was replaced, or one's own in a store that was lost.
	Previous Epoch     `json:"previous"`
	Created  time.Time `json:"created"`
	By       Reason    `json:"by"`
}

// recordVersion is what this package writes. It reads newer ones as far as it knows their fields.
const recordVersion = 1

// A Reason says how an owner came to a room.
type Reason string

// The ways to own a room: somebody wanted it; its owner was dead; its owner gave it away; the store was lost; a release was taken back.
const (
	ByJoin     Reason = "join"
	ByTakeover Reason = "takeover"
	ByHandover Reason = "handover"
	ByReassert Reason = "reassert"
	ByRenewal  Reason = "renewal"
)

// Encode returns the record as it stands in the store.
func (r Record) Encode() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("ownership: encode a record: %v", err)) // it has nothing that can fail
	}
	return text
}

// ParseRecord reads what Encode wrote.
func ParseRecord(text []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		return Record{}, fmt.Errorf("read a record of ownership: %w", err)
	}
	if r.Owner.Incarnation == "" || r.Room == "" {
		return Record{}, fmt.Errorf("a record of ownership without room or owner")
	}
	return r, nil
}

// RID is the key of a room's record: 22 characters of A-Z a-z 0-9 _ -, whatever the name is.
func RID(room string) string {
	sum := sha256.Sum256([]byte(room))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
