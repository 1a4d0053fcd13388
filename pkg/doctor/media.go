package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/signaling/protocol"
)

// attempt is one in the room of the checks.
func (r *Remote) attempt(w way) attempt {
	return attempt{
		base: strings.TrimSuffix(r.URL.String(), "/"), room: r.Room, name: "doctor", token: r.token(0), info: r.info, tls: r.tlsConfig(),
		way: w, loopback: r.local(),
	}
}

// lookAtMedia tries one way after the other, because each needs the same line, and often the same token.
func (r *Remote) lookAtMedia(ctx context.Context) []Finding {
	if r.info == nil {
		return nil
	}
	ways := []way{overUDP, overTCP}
	if hasTURN(r.info) {
		ways = append(ways, overTURN)
	}
	var results []result
	for _, w := range ways {
		one := r.attempt(w).run(ctx)
		results = append(results, one)
		if one.joined == 0 {
			break // the next one would be refused as well
		}
		if one.echoed() && r.works == "" {
			r.works = w
		}
	}
	all := judgeMedia(results, r.local())
	if one := results[len(results)-1]; one.way == overTURN && !one.echoed() {
		all = append(all, judgeRelays(probeRelays(ctx, r.info.ICEServers))...)
	}
	return append(all, r.lookAtOthers(ctx, results[0])...)
}

func hasTURN(info *protocol.RoomInfo) bool {
	return slices.ContainsFunc(info.ICEServers, func(s protocol.ICEServer) bool {
		return slices.ContainsFunc(s.URLs, func(url string) bool { return strings.HasPrefix(url, "turn") })
	})
}

func (r *result) echoed() bool { return r.audio.checked > 0 && r.video.checked > 0 }

// What is worth a word.
const (
	slowJoin  = 2 * time.Second
	mostLoss  = 0.02
	atOnceFew = 4 // addresses tried at the same time
)

// judgeMedia says of each way whether media comes back, and of all together what people will see.
func judgeMedia(results []result, loopback bool) []Finding {
	if first := results[0]; first.joined == 0 {
		var refused *protocol.Error
		if errors.As(first.err, &refused) && wantsToken(refused.Code) {
			return []Finding{judgeRefusal(refused)}
		}
		return []Finding{found(Fail, "join-refused", "The check could not join: %v.", first.err).do("See the finding about the WebSocket.")}
	}
	direct := slices.ContainsFunc(results, func(r result) bool { return r.way != overTURN && r.connected > 0 })
	var all []Finding
	if !direct {
		all = append(all, judgeUnreachable(results[0], loopback))
	}
	for _, r := range results {
		all = append(all, judgeWay(r, direct)...)
	}
	if join := results[0].joined; join > slowJoin {
		all = append(all, found(Warn, "join-slow", "Joining took %v.", join.Round(time.Millisecond)))
	}
	return all
}

// judgeUnreachable speaks of a server whose media port cannot be reached at all.
func judgeUnreachable(r result, loopback bool) Finding {
	var addresses, ports []string
	for _, c := range r.announced {
		if loopback || !c.Address.Addr().IsLoopback() {
			addresses = addUnique(addresses, c.Address.String())
			ports = addUnique(ports, fmt.Sprint(c.Address.Port()))
		}
	}
	if len(addresses) == 0 {
		return found(Fail, "media-loopback", "The server announces nothing but loopback addresses, which nobody elsewhere can reach.").
			do("Set --public-ip at the server to the address under which people reach it.")
	}
	return found(Fail, "media-unreachable", "Media gets through neither over UDP nor over TCP to %s.", strings.Join(addresses, ", ")).
		do("Open port %s for UDP and TCP in firewall and router; if the address is not right, set --public-ip at the server.", strings.Join(ports, ", "))
}

func addUnique(all []string, one string) []string {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}

// judgeWay speaks of one way; direct says that UDP or TCP works.
func judgeWay(r result, direct bool) []Finding {
	id := map[way]string{overUDP: "udp", overTCP: "tcp", overTURN: "relay"}[r.way]
	switch {
	case r.connected == 0 && r.way == overTURN:
		return []Finding{found(Warn, "relay-unreachable", "Media does not get through by way of the TURN server: %s.", r.err)}
	case r.connected == 0 && !direct:
		return nil // said for both
	case r.connected == 0:
		other := map[way]way{overUDP: overTCP, overTCP: overUDP}[r.way]
		return []Finding{found(Warn, id+"-unreachable", "Media does not get through over %s; over %s it does.", r.way, other).
			do("%s", r.opening(kindOf(id+"-unreachable").Remedy))}
	case !r.echoed():
		why := "after the connection nothing came back"
		if r.err != nil {
			why = r.err.Error()
		}
		return []Finding{found(Fail, "media-silent", "Over %s there is a connection, but sound or picture does not come back: %s.", r.way, why)}
	}
	all := []Finding{found(OK, id, "Media comes back over %s from %s: joined in %v, first packet after %v, round trip %v (of packets %v), %s.",
		r.way, r.path.Remote, ms(r.joined), ms(r.first), ms(r.path.RTT), ms(max(r.audio.latency, r.video.latency)), r.lossText())}
	if r.damaged() > 0 {
		all = append(all, found(Fail, "media-damaged", "%d packets came back damaged over %s.", r.damaged(), r.way))
	}
	if r.loss() > mostLoss {
		all = append(all, found(Warn, "media-lossy", "%.1f %% of the packets were lost on the way back over %s.", 100*r.loss(), r.way))
	}
	for _, from := range r.from {
		if !slices.Contains(r.announced, client.Candidate{Address: from}) && r.way == overUDP {
			all = append(all, found(Warn, "media-elsewhere", "Media comes from %s, which the server does not announce.", from))
		}
	}
	return all
}

// opening names the port in a remedy.
func (r result) opening(general string) string {
	for _, c := range r.announced {
		if c.TCP == (r.way == overTCP) && !c.Address.Addr().IsLoopback() {
			return fmt.Sprintf("Open port %d for %s. %s", c.Address.Port(), r.way, general)
		}
	}
	return general
}

func ms(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

func (r result) damaged() uint64 { return r.audio.damaged + r.video.damaged }

// loss is the share of packets that did not come, or not at once.
func (r result) loss() float64 {
	lost, all := r.audio.lost+r.video.lost, r.audio.checked+r.video.checked
	return float64(lost) / float64(max(lost+all, 1))
}

func (r result) lossText() string {
	return fmt.Sprintf("%d of %d packets lost", r.audio.lost+r.video.lost, r.audio.lost+r.video.lost+r.audio.checked+r.video.checked)
}

// lookAtOthers tries the announced addresses that were not chosen. One token lets in one person, so with tokens it is left out.
func (r *Remote) lookAtOthers(ctx context.Context, chosen result) []Finding {
	if chosen.way != overUDP || chosen.connected == 0 || len(r.Tokens) > 0 {
		return nil
	}
	var others []netip.Addr
	for _, c := range chosen.announced {
		a := c.Address.Addr()
		if !c.TCP && a != chosen.path.Remote.Addr() && (!a.IsLoopback() || r.local()) && !slices.Contains(others, a) {
			others = append(others, a)
		}
	}
	reached := make([]bool, len(others))
	slots := make(chan struct{}, atOnceFew)
	var trying sync.WaitGroup
	for i, a := range others {
		trying.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			one := r.attempt(overUDP)
			one.only, one.connectOnly = a, true
			ctx, cancel := context.WithTimeout(ctx, joinTimeout)
			defer cancel()
			reached[i] = one.run(ctx).connected > 0
		})
	}
	trying.Wait()
	return judgeOthers(others, reached)
}

// judgeOthers speaks of announced addresses that media did not need.
func judgeOthers(others []netip.Addr, reached []bool) []Finding {
	var all []Finding
	for i, a := range others {
		if !reached[i] {
			all = append(all, found(Info, "announced-unreachable", "The server also announces %s, which cannot be reached from here.", a))
		}
	}
	return all
}

// secondState is what the second participant saw.
type secondState struct {
	// err is why one of the two did not come so far; seen that the second one received the first one's media, after took.
	err    error
	listed bool // the second one was told of the first
	seen   bool
	took   time.Duration
}

const (
	enoughSeen = 20
	secondTime = 8 * time.Second
)

// lookAtSecond has a second participant come by a connection of its own, which a balancer may lead to another node.
func (r *Remote) lookAtSecond(ctx context.Context) []Finding {
	if r.info == nil || r.works == "" {
		return nil
	}
	if len(r.Tokens) == 1 {
		return []Finding{found(Info, "second-skipped", "A second participant was not tried: one token lets in one person.")}
	}
	return judgeSecond(r.probeSecond(ctx))
}

func (r *Remote) probeSecond(ctx context.Context) (st secondState) {
	first, err := r.attempt(r.works).join(ctx)
	if err != nil {
		return secondState{err: err}
	}
	defer first.part()
	if err := first.connect(ctx); err != nil {
		return secondState{err: err}
	}
	begun := time.Now()
	other := r.attempt(r.works)
	other.name, other.token = "doctor 2", r.token(1)
	second, err := other.join(ctx)
	if err != nil {
		return secondState{err: err}
	}
	defer second.part()
	if err := second.connect(ctx); err != nil {
		return secondState{err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, secondTime)
	defer cancel()
	who := first.client.Self()
	st.seen = second.await(ctx, func() bool {
		var got result
		got.count(second.client.Received())
		return got.video.checked+got.audio.checked >= enoughSeen
	})
	_, st.listed = second.client.State().Participants[who]
	st.took = time.Since(begun)
	return st
}

// judgeSecond says whether two people meet.
func judgeSecond(st secondState) []Finding {
	switch {
	case st.err != nil:
		return []Finding{found(Fail, "second-blind", "Two participants could not be brought together: %v.", st.err)}
	case st.seen:
		return []Finding{found(OK, "second", "A second participant, by a connection of its own, receives the first one %v after coming.", ms(st.took))}
	case st.listed:
		return []Finding{found(Fail, "media-silent", "A second participant is told of the first one but receives nothing of him.")}
	default:
		return []Finding{found(Fail, "second-blind", "A second participant in the same room is not told of the first one.")}
	}
}
