package room

import (
	"slices"
	"time"
)

// chat numbers the messages of one room and keeps the last public ones.
type chat struct {
	sent uint64
	tail []Message
}

// add gives m its number; a public message joins the tail, which keeps the last limit.
func (c *chat) add(m Message, limit int) Message {
	c.sent++
	m.ID = c.sent
	if m.To != "" {
		return m
	}
	if len(c.tail) >= limit {
		c.tail = slices.Delete(c.tail, 0, len(c.tail)-limit+1)
	}
	c.tail = append(c.tail, m)
	return m
}

// Send sends a chat message to all, or with to set to one. The sender gets it too. It needs the Chat permission.
func (p *Participant) Send(body string, to ParticipantID) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.room.mu.Unlock()
	r := p.room
	if !p.grant.Chat {
		return ErrNotAllowed
	}
	if len(body) > r.cfg.ChatBytes {
		return ErrTooBig
	}
	m := Message{From: p.id, Name: p.name, Body: body, At: time.Now(), To: to}
	if to == "" {
		r.tell(MessageReceived{r.chat.add(m, r.cfg.ChatTail)}, nil)
		return nil
	}
	receiver := r.byID[to]
	if receiver == nil {
		return ErrNotFound
	}
	e := MessageReceived{r.chat.add(m, r.cfg.ChatTail)}
	p.sink.Deliver(e)
	if receiver != p {
		receiver.sink.Deliver(e)
	}
	return nil
}
