package engine

import (
	"os"
	"path/filepath"
	"testing"
)

// TestEmbeddedKeepsNoFiles, also when the bucket is made anew long after the start, and starts where temporary files cannot be.
func TestEmbeddedKeepsNoFiles(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	empty := func() {
		t.Helper()
		if files := must[[]os.DirEntry](t)(os.ReadDir(temporary)); len(files) > 0 {
			t.Errorf("left: %v", files)
		}
	}
	e, r := open(t, Config{})
	generation := r.up(t)
	empty()
	ctx := within1m(t)
	must[uint64](t)(e.Create(ctx, "k", nil))
	if err := e.js.DeleteStream(ctx, streamName(defaultBucket)); err != nil {
		t.Fatal(err)
	}
	wantError(t, r.down(t), errReplaced)
	if got := r.up(t); got <= generation {
		t.Errorf("generation %d, was %d", got, generation)
	}
	must[uint64](t)(e.Create(ctx, "k", nil))
	empty()
	e.Close()
	empty()

	t.Setenv("TMPDIR", filepath.Join(temporary, "none"))
	elsewhere, _ := open(t, Config{})
	must[uint64](t)(elsewhere.Create(ctx, "k", nil))
	for _, parent := range []string{"/dev/shm", "."} {
		if left := must[[]string](t)(filepath.Glob(filepath.Join(parent, "sfu-engine-*"))); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}
