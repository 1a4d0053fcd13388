package doctor

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Grace is what the server needs to end, and where to learn what it is given.
type Grace struct {
	// Drain and Delay are --drain-timeout and --drain-lb-delay.
	Drain, Delay time.Duration
	// Given is what stops the server waits, where the operator said so; 0 where not.
	Given time.Duration
	// Unit is the systemd unit to ask about, "" for none. Container says that something else stops the server.
	Unit      string
	Container bool
}

// spare is what ending takes beside the drain.
const spare = 5 * time.Second

func (g Grace) needed() time.Duration { return g.Drain + g.Delay + spare }

// graceState is what was seen.
type graceState struct {
	Grace
	// waits is what the server is given, from whom; 0 where that is not known.
	waits  time.Duration
	source string
}

func (g Grace) look(ctx context.Context) graceState {
	if g.Given > 0 {
		return graceState{g, g.Given, "--grace"}
	}
	if g.Unit != "" && !g.Container {
		if waits, ok := unitTimeout(ctx, g.Unit); ok {
			return graceState{g, waits, g.Unit}
		}
	}
	return graceState{Grace: g}
}

// unitTimeout asks systemd for TimeoutStopSec of a unit that is there.
func unitTimeout(ctx context.Context, unit string) (time.Duration, bool) {
	output, err := exec.CommandContext(ctx, "systemctl", "show", "--property=LoadState,TimeoutStopUSec", "--", unit).Output()
	if err != nil {
		return 0, false
	}
	return parseUnit(string(output))
}

// parseUnit reads the properties that systemctl shows.
func parseUnit(output string) (time.Duration, bool) {
	properties := map[string]string{}
	for line := range strings.Lines(output) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		properties[name] = value
	}
	if properties["LoadState"] != "loaded" {
		return 0, false
	}
	return parseSpan(properties["TimeoutStopUSec"])
}

// spans are the units that systemd writes times in.
var spans = map[string]time.Duration{
	"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// forever stands for a timeout that never comes.
const forever = 1000 * time.Hour

// parseSpan reads a time such as "1min 30s".
func parseSpan(text string) (time.Duration, bool) {
	if text == "infinity" {
		return forever, true
	}
	var sum time.Duration
	for field := range strings.FieldsSeq(text) {
		digits := strings.TrimRight(field, "abcdefghijklmnopqrstuvwxyz")
		number, err := strconv.ParseFloat(digits, 64)
		unit, known := spans[field[len(digits):]]
		if err != nil || !known {
			return 0, false
		}
		sum += time.Duration(number * float64(unit))
	}
	return sum, sum > 0
}

// judgeGrace compares what ending takes with what it is given.
func judgeGrace(g graceState) []Finding {
	switch {
	case g.waits == 0:
		return []Finding{found(Info, "grace-unknown", "The server may take %v to end; what stops it must wait as long.", g.needed())}
	case g.waits < g.needed():
		return []Finding{found(Warn, "grace-short", "%s gives the server %v to end, but its drain may take %v.", g.source, g.waits, g.needed()).
			do("Give it %v or more (TimeoutStopSec, terminationGracePeriodSeconds, stop_grace_period), or lower --drain-timeout.", g.needed())}
	default:
		return []Finding{found(OK, "grace", "%s gives the server %v to end, its drain takes %v at most.", g.source, g.waits, g.needed())}
	}
}
