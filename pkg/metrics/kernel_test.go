package metrics_test

import (
	"net"
	"os"
	"strings"
	"testing"

	"sfu/pkg/metrics"
)

const udpTable = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  437: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 31337 2 0000000000000000 12
  437: 0200007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 31338 2 0000000000000000 30
  900: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   107        0 20000 2 0000000000000000 5
`

func TestUDPTable(t *testing.T) {
	const six = "  1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 07 0:0 0:0 0 1000 0 1 2 0 9\n"
	for name, c := range map[string]struct {
		table string
		port  uint16
		drops uint64
		found bool
	}{
		"two sockets of a port":    {udpTable, 8080, 42, true},
		"another port":             {udpTable, 5353, 5, true},
		"nobody's port":            {udpTable, 8081, 0, false},
		"IPv6":                     {six, 8080, 9, true},
		"empty":                    {"", 8080, 0, false},
		"an older kernel":          {strings.ReplaceAll(udpTable, " 0000000000000000 12", ""), 8080, 30, true},
		"what is not a number":     {strings.ReplaceAll(udpTable, " 12\n", " many\n"), 8080, 30, true},
		"what is not a table":      {"one two three four five six seven eight nine ten eleven twelve thirteen\n", 8080, 0, false},
		"a line that never stops":  {strings.Repeat("x", 1<<20), 8080, 0, false},
		"a port that is no number": {strings.ReplaceAll(udpTable, ":1F90", ":XYZ"), 8080, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			if drops, found := metrics.ParseUDPTable(c.table, c.port); drops != c.drops || found != c.found {
				t.Errorf("%d drops (found: %t), want %d (%t)", drops, found, c.drops, c.found)
			}
		})
	}
}

// The kernel's own table is read as well, where there is one.
func TestUDPDrops(t *testing.T) {
	if _, err := os.Stat("/proc/net/udp"); err != nil {
		t.Skip("no /proc/net/udp")
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	port := uint16(conn.LocalAddr().(*net.UDPAddr).Port)
	const family = "sfu_udp_receive_buffer_drops_total{}"
	if _, there := gather(t, metrics.New((&server{}).sources(), metrics.Options{MediaPort: port}).Own())[family]; !there {
		t.Error("the socket was not found")
	}
	if _, there := gather(t, metrics.New((&server{}).sources(), metrics.Options{}).Own())[family]; there {
		t.Error("without a port there is a number")
	}
}
