package transport_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/transport"
)

// muxSays is everything that pion's mux says above its debug level, and how often it counts as an unreadable packet.
var muxSays = []struct {
	level, format string
	args          []any
	counts        uint64
}{
	{"Warnf", "Warning: mux: unable to dispatch zero length packet", nil, 1},
	{"Warnf", "Warning: mux: no endpoint for packet starting with %d, not adding to queue size(%d)", []any{byte(22), 15}, 1},
	{"Warnf", "Warning: mux: no endpoint for packet starting with %d, adding to queue size(%d)", []any{byte(22), 0}, 0},  // DTLS
	{"Warnf", "Warning: mux: no endpoint for packet starting with %d, adding to queue size(%d)", []any{byte(128), 1}, 0}, // SRTP
	{"Warnf", "Warning: mux: no endpoint for packet starting with %d, adding to queue size(%d)", []any{byte(64), 2}, 1},
	{"Warnf", "Warning: mux: no endpoint for packet starting with %d, adding to queue size(%d)", []any{byte(192), 3}, 1},
	{"Warnf", "Warning: mux: error writing packet to endpoint from pending queue: %s", []any{io.ErrClosedPipe}, 1},
	{"Infof", "mux: endpoint buffer is full, dropping packet", nil, 1},
	{"Errorf", "mux: failed to read from packetio.Buffer %s", []any{io.ErrShortBuffer.Error()}, 1},
	{"Errorf", "mux: failed to read from packetio.Buffer %s", []any{"packetio: timeout"}, 0},
	{"Errorf", "mux: ending readLoop packetio.Buffer error %s", []any{"the agent is closed"}, 0},
	{"Errorf", "mux: ending readLoop dispatch error %s", []any{"closed"}, 0},
}

func TestUnreadablePackets(t *testing.T) {
	for _, c := range muxSays {
		var unreadable atomic.Uint64
		log := transport.NewPionLogger(slog.New(slog.DiscardHandler), &unreadable, "mux")
		map[string]func(string, ...any){"Infof": log.Infof, "Warnf": log.Warnf, "Errorf": log.Errorf}[c.level](c.format, c.args...)
		if n := unreadable.Load(); n != c.counts {
			t.Errorf("%q with %v counts %d times", c.format, c.args, n)
		}
	}
	var unreadable atomic.Uint64
	log := transport.NewPionLogger(slog.New(slog.DiscardHandler), &unreadable, "srtp")
	log.Info("failed to verify auth tag")
	log.Error("the session's socket is gone")
	if n := unreadable.Load(); n != 1 {
		t.Errorf("SRTP counted %d packets", n)
	}
}

// TestPionsWords: what the mux of this version of pion says is what is listed above, with the same levels.
func TestPionsWords(t *testing.T) {
	file, _ := runtime.FuncForPC(reflect.ValueOf(webrtc.NewAPI).Pointer()).FileLine(reflect.ValueOf(webrtc.NewAPI).Pointer())
	source, err := os.ReadFile(filepath.Join(filepath.Dir(file), "internal", "mux", "mux.go"))
	if err != nil {
		t.Skipf("pion's source is not here: %v", err) // built with -trimpath
	}
	type saying struct{ level, format string }
	var says, known []saying
	for _, match := range regexp.MustCompile(`m\.log\.(Info|Warn|Error)(f?)\(\s*("[^"]*")`).FindAllSubmatch(source, -1) {
		format, err := strconv.Unquote(string(match[3]))
		if err != nil {
			t.Fatal(err)
		}
		says = append(says, saying{string(match[1]) + string(match[2]), format})
	}
	for _, c := range muxSays {
		known = append(known, saying{c.level, c.format})
	}
	for _, s := range says {
		if !slices.Contains(known, s) {
			t.Errorf("pion says %q with %s, which is not known", s.format, s.level)
		}
	}
	for _, s := range known {
		if !slices.Contains(says, s) {
			t.Errorf("pion never says %q with %s", s.format, s.level)
		}
	}
}
