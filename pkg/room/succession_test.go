package room_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sfu/pkg/room"
)

// A room that goes on elsewhere begins there with the chat that it had.
func TestSuccession(t *testing.T) {
	before, after := start(t, room.Config{ChatTail: 3}), start(t, room.Config{ChatTail: 3})
	ada, bob := before.join(everything, "Ada"), before.join(everything, "Bob")
	for i := range 4 {
		if err := ada.Send(fmt.Sprint("public ", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := ada.Send("a secret", bob.ID()); err != nil {
		t.Fatal(err)
	}
	saved := before.Save("kitchen")
	if strings.Contains(string(saved), "a secret") {
		t.Error("a private message goes along")
	}
	if err := after.Restore("kitchen", saved); err != nil {
		t.Fatal(err)
	}
	eve := after.join(everything, "Eve")
	want := bob.snapshot().Messages
	got := eve.snapshot().Messages
	if !slices.EqualFunc(got, want, func(a, b room.Message) bool {
		return a.ID == b.ID && a.From == b.From && a.Name == b.Name && a.Body == b.Body && a.At.Equal(b.At)
	}) {
		t.Errorf("the chat is %+v, it was %+v", got, want)
	}
	if err := eve.Send("next", ""); err != nil {
		t.Fatal(err)
	}
	messages := eve.snapshot().Messages
	if last := messages[len(messages)-1]; last.ID != 6 || last.Body != "next" {
		t.Errorf("after five messages comes %+v", last)
	}
	// Who was first may go before the others have come.
	eve.leave(room.Left)
	kim := after.join(everything, "Kim")
	if again := kim.snapshot().Messages; len(again) != 3 || again[2].Body != "next" {
		t.Errorf("the next one finds the chat %+v", again)
	}
	kim.leave(room.Left)
	after.Pass(time.Minute)
	if later := after.join(everything, "Leo").snapshot().Messages; len(later) != 0 {
		t.Errorf("a room that begins later has the chat %+v", later)
	}
}

func TestRestoreRefuses(t *testing.T) {
	r := start(t, room.Config{})
	for _, text := range []string{``, `[]`, `{"sent":1,"tail":[{"ID":2,"Body":"from the future"}]}`, `{"sent":1,"tail":[{"ID":1,"Body":"private","To":"x"}]}`} {
		if err := r.Restore("kitchen", []byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if saved := r.Save("nowhere"); saved != nil {
		t.Errorf("of no room is saved %s", saved)
	}
	r.join(everything, "Ada")
	if saved := r.Save("kitchen"); saved != nil {
		t.Errorf("of a room without chat is saved %s", saved)
	}
}

// Whoever wants to know is told when rooms begin and end, in order.
func TestRoomsBeginAndEnd(t *testing.T) {
	var told []string
	r := start(t, room.Config{
		Began: func(name string) { told = append(told, "began "+name) }, Ended: func(name string) { told = append(told, "ended "+name) },
	})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	ada.leave(room.Left)
	if want := []string{"began kitchen"}; !slices.Equal(told, want) {
		t.Errorf("%v", told)
	}
	bob.leave(room.Left)
	r.join(everything, "Eve")
	if want := []string{"began kitchen", "ended kitchen", "began kitchen"}; !slices.Equal(told, want) {
		t.Errorf("%v", told)
	}
}
