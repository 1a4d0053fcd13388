//go:build linux

package clustertest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// processState is the letter that the kernel shows for a process, 'T' for one that is stopped, 0 where there is none.
func processState(pid int) byte {
	fields, err := processFields(pid)
	if err != nil {
		return 0
	}
	return fields[0][0]
}

// processFields are those of /proc/PID/stat from the third on: the name before them may contain anything.
func processFields(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 22 {
		return nil, fmt.Errorf("/proc/%d/stat has an unknown form", pid)
	}
	return fields, nil
}

// clockTick is the unit of CPU times in /proc.
const clockTick = 10 * time.Millisecond

// CPU is the processor time that the process has used.
func (p *Process) CPU() (time.Duration, error) {
	fields, err := processFields(p.PID())
	if err != nil {
		return 0, err
	}
	var ticks time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, fmt.Errorf("read a CPU time: %w", err)
		}
		ticks += time.Duration(n)
	}
	return ticks * clockTick, nil
}

// Resident is the memory of the process, in bytes.
func (p *Process) Resident() (int, error) {
	fields, err := processFields(p.PID())
	if err != nil {
		return 0, err
	}
	pages, err := strconv.Atoi(fields[21])
	return pages * os.Getpagesize(), err
}

// Listening returns the ports on which the process takes TCP connections, and those of its UDP sockets, as "tcp 80".
func (p *Process) Listening() ([]string, error) {
	own := map[string]bool{} // inodes
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.PID()))
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		target, _ := os.Readlink(link) // may be closed by now
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	var ports []string
	for _, protocol := range []string{"tcp", "tcp6", "udp", "udp6"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", p.PID(), protocol))
		if err != nil {
			return nil, err
		}
		ports = append(ports, portsIn(table, protocol, own)...)
	}
	return ports, nil
}

// portsIn reads a table of sockets of the kernel.
func portsIn(table []byte, protocol string, own map[string]bool) []string {
	const listening, unconnected = "0A", "07"
	var ports []string
	for lines := bufio.NewScanner(bytes.NewReader(table)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || !own[fields[9]] || fields[3] != listening && fields[3] != unconnected {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
			ports = append(ports, fmt.Sprintf("%s %d", strings.TrimSuffix(protocol, "6"), port))
		}
	}
	return ports
}
