package doctor

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// descriptorLimit is the hard limit: Go raises the soft one to it.
func descriptorLimit() uint64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return limit.Max
}

func probeClock() clockState {
	var state unix.Timex
	result, err := unix.Adjtimex(&state)
	return clockState{now: time.Now(), known: err == nil, synchronised: result != unix.TIME_ERROR && state.Status&unix.STA_UNSYNC == 0}
}

// cgroupFile reads a file of the process's cgroup: of version 2, of its root as containers see it, or of version 1.
func cgroupFile(paths ...string) string {
	for _, path := range paths {
		if content, err := os.ReadFile(path); err == nil {
			return strings.TrimSpace(string(content))
		}
	}
	return ""
}

// cgroupPath is where the process's cgroup is, seen from here.
func cgroupPath() string {
	content, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "/sys/fs/cgroup"
	}
	for line := range strings.Lines(string(content)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return "/sys/fs/cgroup" + strings.TrimSuffix(path, "/")
		}
	}
	return "/sys/fs/cgroup"
}

func processorQuota() float64 {
	if q := parseQuota(cgroupFile(cgroupPath()+"/cpu.max", "/sys/fs/cgroup/cpu.max")); q > 0 {
		return q
	}
	const v1 = "/sys/fs/cgroup/cpu/"
	return parseQuota(cgroupFile(v1+"cpu.cfs_quota_us") + " " + cgroupFile(v1+"cpu.cfs_period_us"))
}

// parseQuota reads "quota period" in microseconds; it is 0 where there is no limit.
func parseQuota(text string) float64 {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return 0
	}
	quota, err := strconv.ParseFloat(fields[0], 64)
	period, periodErr := strconv.ParseFloat(fields[1], 64)
	if err != nil || periodErr != nil || quota <= 0 || period <= 0 {
		return 0
	}
	return quota / period
}

// memoryLimit is the smaller one of the cgroup's limit and the machine's memory, in bytes.
func memoryLimit() uint64 {
	var info unix.Sysinfo_t
	limit := uint64(0)
	if unix.Sysinfo(&info) == nil {
		limit = uint64(info.Totalram) * uint64(info.Unit)
	}
	text := cgroupFile(cgroupPath()+"/memory.max", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
	if granted, err := strconv.ParseUint(text, 10, 64); err == nil && granted > 0 && (limit == 0 || granted < limit) {
		limit = granted
	}
	return limit
}
