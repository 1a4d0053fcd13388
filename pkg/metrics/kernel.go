package metrics

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
)

// udpTables list the UDP sockets of this machine on Linux. They are not there on other systems.
var udpTables = []string{"/proc/net/udp", "/proc/net/udp6"}

// udpDrops returns what the kernel dropped at the sockets of port. found is false where that is not known.
func udpDrops(port uint16) (drops uint64, found bool) {
	for _, path := range udpTables {
		file, err := os.Open(path)
		if err != nil {
			continue
		}
		n, ok := parseUDPTable(file, port)
		file.Close()
		drops += n
		found = found || ok
	}
	return drops, found
}

// The columns of a table of UDP sockets, see proc_net_udp in the kernel's documentation.
const (
	localColumn = 1
	dropsColumn = 12
)

// parseUDPTable sums up the drops of port's sockets.
func parseUDPTable(r io.Reader, port uint16) (drops uint64, found bool) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		if len(columns) <= dropsColumn {
			continue
		}
		_, local, _ := strings.Cut(columns[localColumn], ":")
		if p, err := strconv.ParseUint(local, 16, 16); err != nil || uint16(p) != port {
			continue
		}
		if n, err := strconv.ParseUint(columns[dropsColumn], 10, 64); err == nil {
			drops += n
			found = true
		}
	}
	return drops, found
}
