package client

import (
	"errors"
	"testing"

	"sfu/pkg/signaling/protocol"
)

// TestOffersWaitForTheirTurn: somebody who learns that the socket was found again, and asks for a change before what was under way has been said
// again, must wait. The offer under way would go out twice, and its first answer would fail the change.
func TestOffersWaitForTheirTurn(t *testing.T) {
	c := &Client{}
	c.line.opened()
	asked := 0
	c.offers.do(c, change{prepare: func(*peer) error { asked++; return errors.New("enough") }, done: func(protocol.Answer, error) {}})
	if asked != 0 || len(c.offers.waiting) != 1 {
		t.Fatal("a change was made before the session was taken up")
	}
	c.offers.resumed(c)
	if asked != 1 || len(c.offers.waiting) != 0 {
		t.Errorf("the change was made %d times after it", asked)
	}
	c.offers.pause()
	c.offers.do(c, change{restart: true})
	if c.offers.underWay || len(c.offers.waiting) != 1 {
		t.Error("a change was made on a socket that is lost")
	}
}

// TestLostIsKnownAtOnce: who is told that the socket is lost, by the State or by a request, finds it lost the other way too.
func TestLostIsKnownAtOnce(t *testing.T) {
	c := &Client{room: room{state: State{Online: true}, changed: make(chan struct{})}}
	c.line.opened()
	told := false
	c.line.pending = map[uint64]func(protocol.ServerMessage, error){1: func(_ protocol.ServerMessage, err error) {
		told = errors.Is(err, ErrSocketLost)
		if c.State().Online {
			t.Error("a request is told that the socket is lost, the State says that it is not")
		}
	}}
	changed := c.room.changed
	c.lost()
	if <-changed; !told {
		t.Error("who waits for an answer is not told")
	}
	if err := c.line.send(protocol.Ping{}, nil); !errors.Is(err, ErrSocketLost) {
		t.Errorf("a request on a lost socket: %v", err)
	}
}
