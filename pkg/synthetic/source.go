package synthetic

import (
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// reportInterval is how often sender reports go out.
const reportInterval = time.Second

// A Source sends the tracks of one PeerConnection, and of the next when that is replaced.
type Source struct {
	cname   string
	wake    chan struct{}
	quit    chan struct{}
	done    chan struct{}
	closing sync.Once

	mu           sync.Mutex
	sendRTCP     func([]rtcp.Packet) error
	begin        func() // a group of packets that leave together; nil where that makes no difference
	end          func()
	running      bool
	players      []*Player
	queue        []queued // frames of video that wait for the pacer, in order
	head         int      // of queue
	pacer        pacer
	transportSeq uint16
	nextReport   time.Time
	failed       uint64
}

// queued is a frame of which some packets have still to be sent.
type queued struct {
	stream *stream
	frame  frame
	i, n   int
}

// NewSource returns a Source without tracks that sends nothing until Start. cname is its name in RTCP, and sendRTCP takes its reports.
func NewSource(cname string, sendRTCP func([]rtcp.Packet) error) *Source {
	s := &Source{
		cname: cname, sendRTCP: sendRTCP,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go s.run()
	return s
}

// Start begins to send, when the connection is ready to carry packets. A second call does nothing.
func (s *Source) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return
	}
	s.running = true
	for _, p := range s.players {
		for _, st := range p.streams {
			if st.bound {
				st.encoder.start(time.Now())
			}
		}
	}
	s.kick()
}

// SetPacing chooses how the packets of video leave, which is PaceBrowser at first.
func (s *Source) SetPacing(p Pacing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pacer.pacing = p
}

// Together has begin called before packets that leave at the same moment, and end after them, so that one system call can take them all.
// It is called before Start.
func (s *Source) Together(begin, end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin, s.end = begin, end
}

// Reconnect takes the tracks off their PeerConnection: nothing is sent until each encoding is bound to the next one and Start is called, and
// reports then go to sendRTCP. RTP begins anew; stamps go on where they were, so that a pause shows as time and what was lost as missing
// stamps.
func (s *Source) Reconnect(sendRTCP func([]rtcp.Packet) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendRTCP, s.begin, s.end, s.running = sendRTCP, nil, nil, false
	s.queue, s.head = s.queue[:0], 0
	s.pacer.rest()
	for _, p := range s.players {
		for _, st := range p.streams {
			st.unbind()
		}
	}
}

// Close stops sending and waits for the goroutine.
func (s *Source) Close() {
	s.closing.Do(func() { close(s.quit) })
	<-s.done
}

// Add takes a track, which is sent once its encodings are bound.
func (s *Source) Add(t Track) (*Player, error) {
	t, err := t.prepare()
	if err != nil {
		return nil, fmt.Errorf("add a track: %w", err)
	}
	p := &Player{source: s, track: t}
	for i := range t.Encodings {
		p.streams = append(p.streams, newStream(&t, i))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.players = append(s.players, p)
	s.setPace()
	return p, nil
}

// setPace tells the pacer what the tracks take together. mu is held.
func (s *Source) setPace() {
	bitrate := 0
	for _, p := range s.players {
		if p.track.Codec.Video() {
			for _, e := range p.track.Encodings {
				bitrate += e.Bitrate
			}
		}
	}
	s.pacer.setBitrate(bitrate)
}

func (s *Source) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Source) run() {
	defer close(s.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, reports, sendRTCP := s.step(time.Now())
		for _, r := range reports {
			if err := sendRTCP(r); err != nil {
				s.countFailure()
			}
		}
		timer.Reset(time.Until(next))
		select {
		case <-s.wake:
		case <-timer.C:
		case <-s.quit:
			return
		}
	}
}

// step sends what is due and returns when there is more to do, and the reports to send and how.
func (s *Source) step(now time.Time) (next time.Time, reports [][]rtcp.Packet, sendRTCP func([]rtcp.Packet) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next = now.Add(time.Hour)
	if !s.running {
		return next, nil, nil
	}
	if s.begin != nil {
		s.begin()
		defer s.end()
	}
	earlier := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	for _, p := range s.players {
		for _, st := range p.streams {
			if st.sending() {
				s.makeFrames(st, now)
				earlier(st.encoder.due())
			}
		}
	}
	if s.pace(now) {
		earlier(s.pacer.next())
	}
	if !now.Before(s.nextReport) {
		s.nextReport = now.Add(reportInterval)
		reports = s.report(now)
	}
	earlier(s.nextReport)
	return next, reports, s.sendRTCP
}

// makeFrames makes the frames that are due. Sound leaves at once, pictures wait for the pacer.
func (s *Source) makeFrames(st *stream, now time.Time) {
	for !st.encoder.due().After(now) {
		f := st.encoder.next(now)
		q := queued{stream: st, frame: f, n: st.packetsOf(&f)}
		if st.encoder.kind.Video() {
			s.queue = append(s.queue, q)
			continue
		}
		s.send(&q, now)
	}
}

// pace sends what the pacer allows and reports whether something is left.
func (s *Source) pace(now time.Time) bool {
	s.pacer.begin(now)
	for s.head < len(s.queue) && s.pacer.allowed() {
		q := &s.queue[s.head]
		if q.stream.sending() {
			s.pacer.spend(s.send(q, now))
		} else {
			q.i = q.n
		}
		if q.i == q.n {
			s.head++
		}
	}
	if s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
		s.pacer.rest()
		return false
	}
	return true
}

// send sends the next packet of q and returns its size.
func (s *Source) send(q *queued, now time.Time) int {
	size, err := q.stream.send(&q.frame, q.i, q.n, s.transportSeq, now)
	if err != nil {
		s.failed++
	}
	s.transportSeq++
	q.i++
	return size
}

func (s *Source) countFailure() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed++
}

// report returns the compound packets that are due: one for each stream, with the name of whom it belongs to.
func (s *Source) report(now time.Time) [][]rtcp.Packet {
	var all [][]rtcp.Packet
	for _, p := range s.players {
		for _, st := range p.streams {
			if !st.sending() || st.stats.Packets == st.before {
				continue
			}
			all = append(all, []rtcp.Packet{st.report(now), rtcp.NewCNAMESourceDescription(st.binding.SSRC, s.cname)})
		}
	}
	return all
}
