package main

import (
	"slices"
	"strings"

	"sfu/pkg/load"
)

// A metric is a figure of a run; less is better unless it is marked otherwise.
type metric struct {
	name   string
	format string
	more   bool // is better
	of     func(*run) float64
}

// server reads a figure that only a measured server has.
func server(of func(*load.ServerUse) float64) func(*run) float64 {
	return func(r *run) float64 {
		if r.Result.Server == nil {
			return 0
		}
		return of(r.Result.Server)
	}
}

var (
	cost        = metric{"us of CPU per packet", "%.2f", false, server(func(s *load.ServerUse) float64 { return s.MicrosPerPacket })}
	cores       = metric{"cores", "%.3f", false, server(func(s *load.ServerUse) float64 { return s.Cores })}
	latency50   = metric{"latency p50, ms", "%.2f", false, func(r *run) float64 { return r.Result.Latency.P50 }}
	latency99   = metric{"latency p99, ms", "%.2f", false, func(r *run) float64 { return r.Result.Latency.P99 }}
	loss        = metric{"loss, %", "%.4f", false, func(r *run) float64 { return 100 * r.Result.LossByStamps }}
	memory      = metric{"memory, MiB", "%.0f", false, server(func(s *load.ServerUse) float64 { return float64(s.RSSBytes) / (1 << 20) })}
	memoryEach  = metric{"memory each, KiB", "%.0f", false, server(func(s *load.ServerUse) float64 { return float64(s.RSSGrowthPerParticipant) / 1024 })}
	media50     = metric{"first media p50, ms", "%.0f", false, func(r *run) float64 { return r.Result.JoinMedia.P50 }}
	media99     = metric{"first media p99, ms", "%.0f", false, func(r *run) float64 { return r.Result.JoinMedia.P99 }}
	connected50 = metric{"connected p50, ms", "%.0f", false, func(r *run) float64 { return r.Result.JoinConnected.P50 }}
	perJoin     = metric{"ms of CPU per join", "%.1f", false, server(func(s *load.ServerUse) float64 { return s.MillisPerJoin })}
	generator   = metric{"generator, us per packet", "%.2f", false, func(r *run) float64 {
		if r.Result.PacketsPerSecond == 0 {
			return 0
		}
		return 1e6 * r.Result.GeneratorCores / r.Result.PacketsPerSecond
	}}
	packets = metric{"packets per second", "%.0f", true, func(r *run) float64 { return r.Result.PacketsPerSecond }}
	most    = metric{"most packets per second", "%.0f", true, func(r *run) float64 {
		if r.Result.Saturation == nil {
			return 0
		}
		return r.Result.Saturation.PacketsPerSecond
	}}
	costAtMost = metric{"us of CPU per packet there", "%.2f", false, func(r *run) float64 {
		if r.Result.Saturation == nil {
			return 0
		}
		return r.Result.Saturation.MicrosPerPacket
	}}
	sends = metric{"send calls per packet", "%.4f", false, func(r *run) float64 { return r.SendCalls }}
)

// A target is what a metric is to reach. With ratio it is about our figure divided by that of plain pion.
type target struct {
	metric metric
	ratio  bool
	limit  float64
	aim    float64 // 0 without
}

// A shape is a load and what it should cost.
type shape struct {
	name, about string
	load        string // arguments of sfu load
	plain       string // arguments of plain pion beside the address, where compared
	compared    bool
	seconds     int // to measure, for each step of a search
	traced      bool
	metrics     []metric
	targets     []target
}

// usual are the metrics of a shape with media.
var usual = []metric{cost, cores, packets, latency50, latency99, loss, memory, generator}

// crowded is a room that can be filled up to saturation: the server bounds what one publisher may send. crowd are its viewers.
const (
	crowded = "--publishers 8 --viewers 92"
	crowd   = 92
)

// shapes are all of them, in the order in which they run.
var shapes = []shape{
	{
		name: "view50", about: "1 publisher of 1.5 Mbit/s, 50 viewers", load: "--viewers 50", compared: true, seconds: 8, metrics: usual,
		targets: []target{{cost, false, 7, 4}, {latency50, false, 0.8, 0}, {latency99, false, 1.8, 0}},
	},
	{
		name: "view100", about: "1 publisher of 1.5 Mbit/s, 100 viewers", load: "--viewers 100", compared: true, seconds: 8, metrics: usual,
		targets: []target{{cost, false, 7, 0}},
	},
	{
		name: "meeting8", about: "a meeting of 8, everyone with sound and 0.5 Mbit/s of video",
		load: "--publishers 8 --viewers 0 --watch --audio --bitrate 500000", compared: true, seconds: 8, metrics: usual,
		targets: []target{{cost, false, 13, 0}},
	},
	{
		name: "rooms20", about: "20 rooms of 2 publishers and 2 viewers, sound and 0.5 Mbit/s of video",
		load: "--rooms 20 --publishers 2 --viewers 2 --audio --bitrate 500000", compared: true, seconds: 8, metrics: usual,
		targets: []target{{cost, false, 17, 0}},
	},
	{
		name: "storm", about: "4 publishers with sound and 0.5 Mbit/s of video; 50 viewers come in 1 s",
		load: "--publishers 4 --viewers 50 --audio --bitrate 500000 --join-rate 50", compared: true, seconds: 8,
		metrics: append([]metric{media50, media99, connected50, perJoin}, usual...),
		targets: []target{{cost, false, 8.5, 0}, {media50, false, 40, 0}, {media99, false, 100, 0}},
	},
	{
		name: "burst50", about: "1 publisher, 30 frames/s of 12 packets back to back, 50 viewers",
		load: "--viewers 50 --bitrate 3200000 --pace burst", compared: true, seconds: 8, metrics: usual, targets: []target{{cost, true, 0.20, 0}},
	},
	{
		name: "even50", about: "the same, packets at even distances",
		load: "--viewers 50 --bitrate 3200000 --pace even", compared: true, seconds: 8, metrics: usual, targets: []target{{cost, true, 0.36, 0}},
	},
	{
		name: "five", about: "a room of five: 1 publisher, 4 viewers, packets at even distances",
		load: "--viewers 4 --bitrate 3200000 --pace even", compared: true, seconds: 10, metrics: usual, targets: []target{{cost, true, 0.50, 0}},
	},
	{
		name: "chromium", about: "as burst50, clients prefer ciphers as Chromium does and plain pion lets them choose, as by default",
		load: "--viewers 50 --bitrate 3200000 --pace burst --slow-cipher", plain: "--default-role", compared: true, seconds: 8, metrics: usual,
		targets: []target{{cost, true, 0.14, 0}},
	},
	{
		name: "sends", about: "system calls that send, in burst50 (strace)",
		load: "--viewers 50 --bitrate 3200000 --pace burst", seconds: 8, traced: true, metrics: []metric{sends, packets, loss},
		targets: []target{{sends, false, 0.03, 0}},
	},
	{
		name: "scale10", about: "30,000 packets/s in bursts of 4: 10 rooms of 10 viewers",
		load: "--rooms 10 --viewers 10 --fps 75 --bitrate 2640000 --pace burst", seconds: 6, metrics: usual,
	},
	{
		name: "scale50", about: "the same, 2 rooms of 50 viewers", load: "--rooms 2 --viewers 50 --fps 75 --bitrate 2640000 --pace burst",
		seconds: 6, metrics: usual,
	},
	{name: "scale200", about: "the same, 1 room of 200 viewers", load: "--viewers 200 --fps 37.5 --bitrate 1320000 --pace burst", seconds: 6, metrics: usual},
	{
		name: "scale500", about: "the same, 1 room of 500 viewers", load: "--viewers 500 --fps 15 --bitrate 528000 --pace burst --join-rate 60",
		seconds: 6, metrics: usual,
	},
	{
		name: "silent", about: "200 connected participants with one muted microphone each", load: "--publishers 0 --viewers 0 --silent 200",
		compared: true, seconds: 5, metrics: []metric{memoryEach, connected50, perJoin, cores},
		targets: []target{{memoryEach, false, 200, 125}, {perJoin, false, 6, 4}},
	},
	{
		name: "page", about: "200 connected participants with the page's own offer", load: "--publishers 0 --viewers 0 --silent 200 --page --join-rate 30",
		compared: true, seconds: 5, metrics: []metric{memoryEach, connected50, perJoin, cores},
		targets: []target{{memoryEach, false, 350, 0}},
	},
	{
		name: "most", about: "8 publishers, 92 viewers, the bitrate rises until 0.1 % is lost", load: crowded + " --bitrate 500000 --saturate",
		seconds: 2, metrics: []metric{most, costAtMost}, targets: []target{{most, false, 160_000, 0}},
	},
}

// scaleSpread is how far the costs of the shapes named scale may be from their mean, as a share of it.
const scaleSpread = 0.30

// choose returns the shapes whose names are listed, all of them for none. unknown is the first name that is none.
func choose(names string) (chosen []shape, unknown string) {
	wanted := strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range wanted {
		if !slices.ContainsFunc(shapes, func(s shape) bool { return s.name == name }) {
			return nil, name
		}
	}
	for _, s := range shapes {
		if len(wanted) == 0 || slices.Contains(wanted, s.name) {
			chosen = append(chosen, s)
		}
	}
	return chosen, ""
}
