package baseline

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/codec"
	"sfu/pkg/signaling/protocol"
)

// A session is one participant: a socket and a PeerConnection.
type session struct {
	server *Server
	room   *room
	conn   *websocket.Conn
	id     string
	name   string
	pc     *webrtc.PeerConnection
	pcName string
	media  sync.WaitGroup

	writing sync.Mutex

	// room.mu guards what follows.
	sources   map[string]string // by mid
	published map[string]*track // by mid
	slots     []*slot
}

// run serves the socket until it ends.
func (s *session) run() {
	defer s.end()
	for {
		_, frame, err := s.conn.ReadMessage()
		if err != nil {
			return
		}
		request, err := protocol.Decode(frame)
		if err != nil {
			s.reply(request.ID, refusal(err))
			continue
		}
		if err := s.handle(request); err != nil {
			s.reply(request.ID, refusal(err))
			continue
		}
		if _, left := request.Body.(protocol.Leave); left {
			_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(protocol.CloseLeft, ""), time.Now().Add(time.Second))
			return
		}
		s.room.changed(s, request.Body)
	}
}

// handle does what a request asks for and answers it, unless it returns an error.
func (s *session) handle(request protocol.Request) error {
	switch m := request.Body.(type) {
	case protocol.Join:
		return s.join(request.ID, m)
	case protocol.Resume:
		return protocol.ResumeInvalid.Refuse()
	case protocol.Offer:
		answer, err := s.offer(m)
		if err != nil {
			return err
		}
		s.reply(request.ID, answer)
	case protocol.Leave:
		s.reply(request.ID, protocol.Left{Reason: "left"})
	default:
		s.reply(request.ID, protocol.OK{})
	}
	return nil
}

func (s *session) join(id uint64, m protocol.Join) error {
	s.name = m.Name
	joined := protocol.Joined{
		Session: s.id, Self: s.id, Room: "room", Answers: []protocol.Answer{}, Bound: []protocol.Binding{},
		Unavailable: []protocol.Unavailable{}, Messages: []protocol.Message{}, ICEServers: []protocol.ICEServer{},
		ServerTime: time.Now().UnixMilli(),
	}
	for _, o := range m.Offers {
		a, err := s.offer(o)
		if err != nil {
			return err
		}
		joined.Answers = append(joined.Answers, a)
	}
	s.room.join(s, func(all []protocol.Participant) {
		joined.Participants = all
		s.reply(id, joined)
	})
	return nil
}

// offer answers an offer as pion does it.
func (s *session) offer(o protocol.Offer) (protocol.Answer, error) {
	if s.pc == nil {
		pc, err := s.server.api.NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			return protocol.Answer{}, fmt.Errorf("make a PeerConnection: %w", err)
		}
		s.pc, s.pcName = pc, o.PC
		pc.OnTrack(s.track)
	}
	s.room.sources(s, o.Tracks)
	if err := s.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.SDP}); err != nil {
		return protocol.Answer{}, protocol.BadSDP.Because(err.Error())
	}
	added, err := s.addSlots()
	if err != nil {
		return protocol.Answer{}, err
	}
	answer, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return protocol.Answer{}, fmt.Errorf("create the answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(s.pc)
	if err := s.pc.SetLocalDescription(answer); err != nil {
		return protocol.Answer{}, fmt.Errorf("apply the answer: %w", err)
	}
	<-gathered
	a := protocol.Answer{PC: o.PC, N: o.N, SDP: s.pc.LocalDescription().SDP, Published: map[string]string{}}
	for mid := range o.Tracks {
		a.Published[mid] = s.id + "-" + mid
	}
	for _, one := range added {
		a.Slots = append(a.Slots, protocol.Slot{Audio: one.audio.mid, Video: one.video.mid})
	}
	return a, nil
}

// addSlots puts a sender on each new m-line that the client receives on.
func (s *session) addSlots() ([]*slot, error) {
	var audio, video []*seat
	for _, t := range s.pc.GetTransceivers() {
		if t.Direction() != webrtc.RTPTransceiverDirectionSendonly || t.Sender() != nil {
			continue
		}
		placeholder, list := webrtc.MimeTypeOpus, &audio
		if t.Kind() == webrtc.RTPCodecTypeVideo {
			placeholder, list = webrtc.MimeTypeVP8, &video
		}
		idle, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: placeholder}, t.Kind().String(), fmt.Sprintf("slot-%s", t.Mid()))
		if err != nil {
			return nil, fmt.Errorf("make a track: %w", err)
		}
		sender, err := s.pc.AddTrack(idle)
		if err != nil {
			return nil, fmt.Errorf("add a track: %w", err)
		}
		*list = append(*list, &seat{mid: t.Mid(), sender: sender, idle: idle})
	}
	var added []*slot
	for i := range min(len(audio), len(video)) {
		one := &slot{audio: audio[i], video: video[i]}
		added = append(added, one)
		s.media.Go(one.audio.readRTCP)
		s.media.Go(one.video.readRTCP)
	}
	s.room.addSlots(s, added)
	return added, nil
}

// track forwards what the client sends on one m-line.
func (s *session) track(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	if remote.RID() != "" && remote.RID() != "f" {
		return
	}
	local, err := webrtc.NewTrackLocalStaticRTP(remote.Codec().RTPCodecCapability, remote.Kind().String(), s.id)
	if err != nil {
		return
	}
	mid := ""
	for _, t := range s.pc.GetTransceivers() {
		if t.Receiver() == receiver {
			mid = t.Mid()
		}
	}
	one := &track{
		id: s.id + "-" + mid, owner: s, local: local, video: remote.Kind() == webrtc.RTPCodecTypeVideo,
		codec: codec.ByMIMEType(remote.Codec().MimeType).String(), ssrc: uint32(remote.SSRC()),
	}
	s.room.publish(s, mid, one)
	s.media.Add(1)
	defer s.media.Done()
	buf := make([]byte, 1500)
	for {
		n, _, err := remote.Read(buf)
		if err != nil {
			return
		}
		if _, err := local.Write(buf[:n]); err != nil && !errors.Is(err, webrtc.ErrConnectionClosed) {
			continue // one viewer's trouble
		}
	}
}

// requestKeyframe asks the client for a keyframe.
func (t *track) requestKeyframe() {
	if t.video {
		_ = t.owner.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: t.ssrc}})
	}
}

// end takes the session out of its room.
func (s *session) end() {
	s.room.leave(s)
	_ = s.conn.Close()
	if s.pc != nil {
		_ = s.pc.GracefulClose()
	}
	s.media.Wait()
}

func (s *session) reply(re uint64, m protocol.ServerMessage) { s.write(protocol.EncodeReply(re, m)) }
func (s *session) event(m protocol.ServerMessage)            { s.write(protocol.EncodeEvent(m)) }

func (s *session) write(frame []byte) {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = s.conn.WriteMessage(websocket.TextMessage, frame) // the reader sees the socket end
}

func refusal(err error) protocol.Error {
	var known *protocol.Error
	if errors.As(err, &known) {
		return *known
	}
	return *protocol.Internal.Because(err.Error())
}
