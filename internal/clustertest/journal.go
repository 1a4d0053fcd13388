//go:build linux

package clustertest

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// journalBytes is how much is kept of what a program says, the latest.
const journalBytes = 48 << 10

// A journal holds what a program has said, through all its restarts. A test that fails shows it.
type journal struct {
	mu      sync.Mutex
	text    []byte
	dropped bool
}

func newJournal(t testing.TB, name string) *journal {
	j := &journal{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("---- %s\n%s", name, j)
		}
	})
	return j
}

// Write implements io.Writer.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text = append(j.text, b...)
	if over := len(j.text) - journalBytes; over > 0 {
		j.text, j.dropped = append(j.text[:0], j.text[over:]...), true
	}
	return len(b), nil
}

// note writes what the test has done to the program.
func (j *journal) note(format string, args ...any) {
	fmt.Fprintf(j, "==== %s %s\n", time.Now().Format("15:04:05.000"), fmt.Sprintf(format, args...))
}

// String returns what is kept.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dropped {
		return "…" + string(j.text)
	}
	return string(j.text)
}
