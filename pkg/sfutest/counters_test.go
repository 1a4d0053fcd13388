package sfutest_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/link"
	"sfu/pkg/reception"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
)

// TestCountersAgree: after a call with simulcast, losses, switches, a mute and a leave the server's metrics say what the clients and
// their wires have counted.
func TestCountersAgree(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	call := startCall(t, srv)
	call.talk(t)
	call.compare(t, srv, "everyone is here", 3)
	// Those who leave take nothing with them.
	carol := call.people["carol"]
	if err := carol.client.Leave(sfutest.Context(t)); err != nil {
		t.Fatal(err)
	}
	call.compare(t, srv, "carol has left", 2)
	for _, name := range []string{"alice", "bob"} {
		if err := call.people[name].client.Leave(sfutest.Context(t)); err != nil {
			t.Fatal(err)
		}
	}
	call.compare(t, srv, "everyone has left", 0)
}

// A member is a client and its wire.
type member struct {
	client *client.Client
	path   *link.Conn
	wire   *wire
}

// A call is three people: alice loses packets on her way to the server, bob on his way from it, and carol none.
type call struct{ people map[string]*member }

func startCall(t *testing.T, srv *sfutest.Server) *call {
	t.Helper()
	c := &call{people: map[string]*member{}}
	for _, p := range []struct {
		name string
		opts []sfutest.Option
	}{
		{"alice", []sfutest.Option{sfutest.Slots(client.NoSlots), sfutest.Publishing(sfutest.Microphone(), sfutest.Camera())}},
		{"bob", []sfutest.Option{sfutest.Publishing(sfutest.Microphone())}},
		{"carol", []sfutest.Option{sfutest.Publishing(sfutest.Simulcast())}},
	} {
		path, wire := wired(t)
		joined := srv.Join(t, "kitchen", p.name, append(p.opts, sfutest.Over(path))...)
		c.people[p.name] = &member{joined, path, wire}
	}
	return c
}

func (c *call) received(name string) []reception.Stats { return c.people[name].client.Received() }

// talk runs the call until packets have been lost and repaired on both links, and ends it with everything settled.
func (c *call) talk(t *testing.T) {
	t.Helper()
	alice, bob, carol := c.people["alice"], c.people["bob"], c.people["carol"]
	for _, viewer := range []string{"bob", "carol"} {
		sfutest.Eventually(t, "all tracks arrive", func() bool { return arriving(c.received(viewer)) == map[string]int{"bob": 3, "carol": 3}[viewer] })
	}
	clean := link.Config{Delay: 10 * time.Millisecond}
	lossy := clean
	lossy.Loss, lossy.Burst = 0.03, link.Burst{Loss: 0.03, Length: 3} // a NACK for several packets counts them all
	alice.path.Set(lossy, clean)
	bob.path.Set(clean, lossy)
	simulcast := carol.client.Publications()[0].Track()
	for _, tile := range []protocol.Tile{{Width: 1280, Height: 720}, {Width: 320, Height: 180}} {
		tile.Track = simulcast
		view(t, bob.client, tile)
		sfutest.Eventually(t, "the picture fits", func() bool { s, ok := bob.client.ReceivedOf(simulcast); return ok && s.Width == tile.Width })
	}
	camera := alice.client.Publications()[1]
	mute(t, camera, true)
	mute(t, camera, false)
	if !carol.client.RequestKeyframe(camera.Track()) {
		t.Fatal("carol cannot ask for a keyframe")
	}
	sfutest.Eventually(t, "packets repaired on both links", func() bool {
		_, down := bob.wire.counts()
		up, _ := alice.wire.counts()
		return down.retransmitted[1] > 20 && up.retransmitted[1] > 20 && plis(c.received("carol")) > 0
	})
	alice.path.Set(clean, clean)
	bob.path.Set(clean, clean)
	<-time.After(500 * time.Millisecond) // what was lost last is repaired
	for _, m := range c.people {
		for _, p := range m.client.Publications() {
			p.Player().SetAllActive(false)
		}
	}
	settled(t, "no more packets", func() uint64 {
		var n uint64
		for _, m := range c.people {
			up, down := m.wire.counts()
			n += up.packets[0] + up.packets[1] + down.packets[0] + down.packets[1]
		}
		return n
	})
	c.checkClients(t)
}

func mute(t *testing.T, p *client.Publication, muted bool) {
	t.Helper()
	if err := p.Mute(sfutest.Context(t), muted); err != nil {
		t.Fatal(err)
	}
}

func arriving(lines []reception.Stats) (n int) {
	for _, s := range lines {
		if s.Packets > 5 {
			n++
		}
	}
	return n
}

func plis(lines []reception.Stats) (n uint64) {
	for _, s := range lines {
		n += s.PLIs
	}
	return n
}

// checkClients holds the wires against what the clients themselves have counted, where nothing was lost in between.
func (c *call) checkClients(t *testing.T) {
	t.Helper()
	for _, name := range []string{"bob", "carol"} {
		m := c.people[name]
		var sent uint64
		for _, p := range m.client.Publications() {
			for _, s := range p.Player().Stats() {
				sent += s.Packets + s.Resent
			}
		}
		if up, _ := m.wire.counts(); up.packets[0]+up.packets[1] != sent {
			t.Errorf("%s sent %d packets, %d came to the wire", name, sent, up.packets[0]+up.packets[1])
		}
	}
	var got traffic
	var twice uint64 // of which the size is not known
	for _, s := range c.received("carol") {
		k := 0
		if s.Video {
			k = 1
		}
		got.packets[k] += s.Packets + s.Duplicates
		got.bytes[k] += s.Bytes + 2*s.Recovered // what alice's link has lost may be repaired here (RFC 4588)
		twice += s.Duplicates
	}
	if _, down := c.people["carol"].wire.counts(); got.packets != down.packets || twice == 0 && got.bytes != down.bytes {
		t.Errorf("carol got %+v, on the wire were %+v", got, down)
	}
	counters, _ := c.people["alice"].path.Counters()
	var sent uint64
	for _, p := range c.people["alice"].client.Publications() {
		sent += p.Player().Stats()[0].Packets + p.Player().Stats()[0].Resent
	}
	// The link loses RTCP and STUN as well.
	if up, _ := c.people["alice"].wire.counts(); sent < up.packets[0]+up.packets[1] || sent > up.packets[0]+up.packets[1]+counters.Lost {
		t.Errorf("alice sent %d packets, %d came to the wire and the link lost %d of all kinds", sent, up.packets[0]+up.packets[1], counters.Lost)
	}
}

// compare waits until the server's metrics are what is expected with so many people in the room.
func (c *call) compare(t *testing.T, srv *sfutest.Server, when string, people int) {
	t.Helper()
	var different []string
	deadline := time.Now().Add(sfutest.Patience)
	for {
		got := scrape(t, srv)
		different = differences(got, c.expected(people)) // a keyframe that is still missing is asked for again meanwhile
		if len(different) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s", when, strings.Join(different, "\n"))
		}
		<-time.After(200 * time.Millisecond) // answers are a second old at most
	}
}

// expected returns the series by name. Those of rooms are summed over the rooms.
func (c *call) expected(people int) map[string]float64 {
	var up, down traffic
	var nacksIn, nacksOut, requests, keyframes uint64
	for _, m := range c.people {
		u, d := m.wire.counts()
		up.sum(&u)
		down.sum(&d)
		for _, s := range m.client.Received() {
			nacksIn += s.NACKs
		}
		for _, p := range m.client.Publications() {
			for _, s := range p.Player().Stats() {
				nacksOut += s.NACKed
				requests += s.KeyframeRequests
				keyframes += s.Keyframes
			}
		}
	}
	want := map[string]float64{
		`sfu_nacks_total{dir="in"}`: float64(nacksIn), `sfu_nacks_total{dir="out"}`: float64(nacksOut),
		`sfu_keyframe_requests_total{dir="out"}`: float64(requests), `sfu_keyframes_total`: float64(keyframes),
		`sfu_room_nacks_total dir="in"`: float64(nacksIn), `sfu_room_nacks_total dir="out"`: float64(nacksOut),
		`sfu_room_keyframe_requests_total `:           float64(requests),
		`sfu_participants{role="publisher"}`:          float64(people),
		`sfu_participants{role="viewer"}`:             0,
		`sfu_sessions`:                                float64(people),
		`sfu_joins_total{result="ok"}`:                3,
		`sfu_join_seconds_count{result="ok"}`:         3,
		`sfu_queue_dropped_total{queue="connection"}`: 0, `sfu_queue_dropped_total{queue="worker"}`: 0, `sfu_rtp_withheld_total`: 0,
	}
	for dir, x := range map[string]*traffic{"in": &up, "out": &down} {
		for k, kind := range []string{"audio", "video"} {
			labels := fmt.Sprintf("{dir=%q,kind=%q}", dir, kind)
			want["sfu_rtp_packets_total"+labels] = float64(x.packets[k])
			want["sfu_rtp_bytes_total"+labels] = float64(x.bytes[k])
			want["sfu_rtp_retransmitted_total"+labels] = float64(x.retransmitted[k])
		}
		label := fmt.Sprintf(" dir=%q", dir)
		want["sfu_room_rtp_packets_total"+label] = float64(x.packets[0] + x.packets[1])
		want["sfu_room_rtp_bytes_total"+label] = float64(x.bytes[0] + x.bytes[1])
		want["sfu_room_rtp_retransmitted_total"+label] = float64(x.retransmitted[1])
	}
	tracks := map[int][4]float64{3: {2, 2, 3, 3}, 2: {2, 1, 1, 1}, 0: {}}[people] // in: audio, video; out: audio, video
	for i, labels := range []string{`{dir="in",kind="audio"}`, `{dir="in",kind="video"}`, `{dir="out",kind="audio"}`, `{dir="out",kind="video"}`} {
		want["sfu_tracks"+labels] = tracks[i]
	}
	return want
}

func (c *traffic) sum(other *traffic) {
	for k := range 2 {
		c.packets[k] += other.packets[k]
		c.bytes[k] += other.bytes[k]
		c.retransmitted[k] += other.retransmitted[k]
	}
}

// differences says which of the series that are wanted are otherwise. A name with a space stands for the sum of those that have the
// label behind it.
func differences(got, want map[string]float64) (all []string) {
	for name, value := range want {
		n := got[name]
		if family, label, summed := strings.Cut(name, " "); summed {
			n = 0
			for series, value := range got {
				if strings.HasPrefix(series, family+"{") && strings.Contains(series, label) {
					n += value
				}
			}
		}
		if n != value {
			all = append(all, fmt.Sprintf("%s is %g, want %g", name, n, value))
		}
	}
	return all
}

// scrape returns the series of the metrics as the text format has them, by name and labels.
func scrape(t *testing.T, srv *sfutest.Server) map[string]float64 {
	t.Helper()
	answer := httptest.NewRecorder()
	srv.Metrics.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("GET /metrics: %d %s", answer.Code, answer.Body)
	}
	series := map[string]float64{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		series[line[:at]] = value
	}
	return series
}
