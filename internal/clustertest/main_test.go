//go:build linux

package clustertest

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// besideOthers lets small tests run at the same time: they wait more than they work. Those of full size measure.
func besideOthers(t *testing.T) {
	if !Full() {
		t.Parallel()
	}
}
