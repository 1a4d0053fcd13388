package room

import (
	"context"
	"time"

	"sfu/pkg/forwarder"
)

// settleTimeout bounds the wait for the last counters of a room.
const settleTimeout = 10 * time.Second

// A ledger keeps what rooms have counted, so that their sum never falls: each room's counters are known from the last time that
// its worker answered, and pass to the total once. It is guarded by Registry.mu.
type ledger struct {
	started, ended uint64
	// open are the counters of rooms that are there, and of those that have ended and are not settled.
	open map[*room]*account
	// total sums up the settled ones.
	total forwarder.Counters
}

// An account is the last known counters of one room. ended is set once its name is free.
type account struct {
	latest forwarder.Counters
	ended  bool
}

func newLedger() ledger { return ledger{open: map[*room]*account{}} }

func (l *ledger) begin(r *room) {
	l.started++
	l.open[r] = &account{}
}

func (l *ledger) end(r *room) {
	l.ended++
	l.open[r].ended = true
}

// record notes what r has counted. Answers may overtake each other: the greater one is the later.
func (l *ledger) record(r *room, c forwarder.Counters) {
	if a := l.open[r]; a != nil {
		a.latest = combine(a.latest, c, func(x, y uint64) uint64 { return max(x, y) })
	}
}

func (l *ledger) settle(r *room) {
	if a := l.open[r]; a != nil {
		l.total = combine(l.total, a.latest, func(x, y uint64) uint64 { return x + y })
		delete(l.open, r)
	}
}

// settle fetches the last counters of a room whose connections are closed, and ends its media. It does not wait.
func (r *Registry) settle(room *room) {
	if !r.tasks.start(func() { r.close(room) }) {
		room.group.Close()
	}
}

func (r *Registry) close(room *room) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	last, err := room.group.Counters(ctx)
	if err != nil {
		room.log.Warn("the last counters of the room are lost", "error", err)
	}
	room.group.Close()
	room.log.Info("room ended")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ledger.record(room, last)
	r.ledger.settle(room)
}

// combine applies f to each pair of counters.
func combine(a, b forwarder.Counters, f func(x, y uint64) uint64) forwarder.Counters {
	pair := func(x *[2]uint64, y [2]uint64) {
		for i := range x {
			x[i] = f(x[i], y[i])
		}
	}
	pair(&a.PacketsIn, b.PacketsIn)
	pair(&a.PacketsOut, b.PacketsOut)
	pair(&a.BytesIn, b.BytesIn)
	pair(&a.BytesOut, b.BytesOut)
	pair(&a.LostIn, b.LostIn)
	pair(&a.LostOut, b.LostOut)
	pair(&a.RetransmittedIn, b.RetransmittedIn)
	pair(&a.RetransmittedOut, b.RetransmittedOut)
	a.NACKsIn = f(a.NACKsIn, b.NACKsIn)
	a.NACKsOut = f(a.NACKsOut, b.NACKsOut)
	a.NACKsUnanswered = f(a.NACKsUnanswered, b.NACKsUnanswered)
	a.KeyframeRequestsIn = f(a.KeyframeRequestsIn, b.KeyframeRequestsIn)
	a.KeyframeRequestsOut = f(a.KeyframeRequestsOut, b.KeyframeRequestsOut)
	a.Keyframes = f(a.Keyframes, b.Keyframes)
	a.LayerSwitches = f(a.LayerSwitches, b.LayerSwitches)
	for i := range a.Dropped {
		a.Dropped[i] = f(a.Dropped[i], b.Dropped[i])
	}
	a.Withheld = f(a.Withheld, b.Withheld)
	return a
}
