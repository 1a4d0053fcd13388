package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// holderOf says which process has a port open, as "nginx (pid 123)", or "" where that cannot be seen: for other users' processes that takes
// root.
func holderOf(network string, port uint16) string {
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/" + network, "/proc/net/" + network + "6"} {
		content, err := os.ReadFile(table)
		if err == nil {
			addInodes(inodes, string(content), port, network == "tcp")
		}
	}
	if len(inodes) == 0 {
		return ""
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !inodes[target] {
			continue
		}
		pid := strings.Split(link, "/")[2]
		name, err := os.ReadFile("/proc/" + pid + "/comm")
		if err == nil {
			return fmt.Sprintf("%s (pid %s)", strings.TrimSpace(string(name)), pid)
		}
	}
	return ""
}

// addInodes reads a table of sockets of /proc/net and adds those on a local port, as descriptors link to them.
func addInodes(inodes map[string]bool, table string, port uint16, listening bool) {
	const stateListen = "0A"
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 {
			continue
		}
		_, hex, found := strings.Cut(fields[1], ":")
		number, err := strconv.ParseUint(hex, 16, 16)
		if found && err == nil && uint16(number) == port && (!listening || fields[3] == stateListen) {
			inodes["socket:["+fields[9]+"]"] = true
		}
	}
}
