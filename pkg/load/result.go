package load

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"sfu/pkg/reception"
)

// A Result is what came out. Times are in milliseconds, shares from 0 to 1.
type Result struct {
	Seconds float64 `json:"seconds"`
	Joined  int     `json:"joined"`
	Failed  int     `json:"failed"`
	// FirstError says why the first who could not join could not.
	FirstError string `json:"firstError,omitempty"`

	DeliveredPackets uint64  `json:"deliveredPackets"`
	PacketsPerSecond float64 `json:"packetsPerSecond"`
	BitsPerSecond    float64 `json:"bitsPerSecond"`
	// LossBySequence is what is missing in the sequence numbers that viewers saw, LossByStamps what publishers sent and viewers did
	// not get, whatever the numbers say.
	LossBySequence float64 `json:"lossBySequence"`
	LossByStamps   float64 `json:"lossByStamps"`
	// LostPackets is LossByStamps as a number.
	LostPackets uint64 `json:"lostPackets"`
	Checked     uint64 `json:"checkedPackets"`
	Bad         uint64 `json:"badPackets"`
	Recovered   uint64 `json:"recoveredPackets"`

	Latency Quantiles `json:"latency"`
	// JoinAnswered is from the start of a viewer's join to the server's answer, JoinConnected until media can flow, JoinMedia to the first
	// packet.
	JoinAnswered  Quantiles `json:"joinAnswered"`
	JoinConnected Quantiles `json:"joinConnected"`
	JoinMedia     Quantiles `json:"joinMedia"`

	// Steps are those of Config.Saturate, in order, Saturation the best of them that arrived.
	Steps      []Step `json:"steps,omitempty"`
	Saturation *Step  `json:"saturation,omitempty"`

	Server         *ServerUse `json:"server,omitempty"`
	GeneratorCores float64    `json:"generatorCores"`
	// GeneratorDrops counts datagrams that arrived and that the generator had no room for: losses that are not the server's.
	GeneratorDrops uint64 `json:"generatorDrops"`
}

// Quantiles are in milliseconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// A ServerUse is what the server used while it was measured.
type ServerUse struct {
	CPUSeconds      float64 `json:"cpuSeconds"`
	Cores           float64 `json:"cores"`
	MicrosPerPacket float64 `json:"microsPerPacket"`
	RSSBytes        int64   `json:"rssBytes"`
	// RSSGrowthPerParticipant is how many bytes the server has grown since the first joined, for each who did. MillisPerJoin is its CPU time
	// while viewers joined, for each of them, with the forwarding meanwhile.
	RSSGrowthPerParticipant int64   `json:"rssGrowthPerParticipant"`
	MillisPerJoin           float64 `json:"millisPerJoin"`
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func quantiles(h *reception.Histogram) Quantiles {
	return Quantiles{
		P50: milliseconds(h.Quantile(0.5)), P95: milliseconds(h.Quantile(0.95)), P99: milliseconds(h.Quantile(0.99)), Max: milliseconds(h.Max()),
	}
}

func (r *Result) media(t tally) {
	r.DeliveredPackets = t.packets
	r.PacketsPerSecond, r.BitsPerSecond = float64(t.packets)/r.Seconds, float64(t.bytes)*8/r.Seconds
	r.LossBySequence, r.LossByStamps = share(t.lost, t.packets+t.lost), share(t.missing, t.published)
	r.LostPackets = t.missing
	r.Checked, r.Bad, r.Recovered = t.checked, t.bad, t.recovered
	r.Latency = quantiles(&t.latency)
}

func (r *Result) joins(c *crowd) {
	var err error
	if r.Joined, r.Failed, err = c.joined(); err != nil {
		r.FirstError = err.Error()
	}
	answered, connected, media := c.joinTimes()
	r.JoinAnswered, r.JoinConnected, r.JoinMedia = quantiles(&answered), quantiles(&connected), quantiles(&media)
}

func (r *Result) server(u Usage) {
	r.Server = &ServerUse{CPUSeconds: u.CPU.Seconds(), Cores: u.CPU.Seconds() / r.Seconds, RSSBytes: u.RSS}
	if r.DeliveredPackets > 0 {
		r.Server.MicrosPerPacket = u.CPU.Seconds() * 1e6 / float64(r.DeliveredPackets)
	}
}

// WriteJSON writes r as one JSON object.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteTable writes r for people.
func (r *Result) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, values ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, values...))
	}
	row("participants", "%d joined, %d failed", r.Joined, r.Failed)
	if r.FirstError != "" {
		row("first failure", "%s", r.FirstError)
	}
	row("measured", "%.1f s", r.Seconds)
	row("delivered", "%.0f packets/s, %.2f Mbit/s", r.PacketsPerSecond, r.BitsPerSecond/1e6)
	row("loss", "%.4f %% by stamps, %.4f %% by sequence numbers", 100*r.LossByStamps, 100*r.LossBySequence)
	row("checked", "%d packets, %d bad; %d recovered", r.Checked, r.Bad, r.Recovered)
	times := func(name string, q Quantiles) {
		row(name, "p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, max %.2f ms", q.P50, q.P95, q.P99, q.Max)
	}
	times("latency", r.Latency)
	times("join, answer", r.JoinAnswered)
	times("join, connected", r.JoinConnected)
	times("join, first packet", r.JoinMedia)
	if s := r.Server; s != nil {
		row("server", "%.2f us per delivered packet, %.3f cores, %.1f MiB", s.MicrosPerPacket, s.Cores, float64(s.RSSBytes)/(1<<20))
		row("server, joins", "%.2f ms of CPU each, %.0f KiB for each participant", s.MillisPerJoin, float64(s.RSSGrowthPerParticipant)/(1<<10))
	}
	for _, s := range r.Steps {
		row("step", "%6.2f Mbit/s  %7.0f packets/s  loss %.4f %%  p99 %.1f ms  server %.2f cores  generator %.2f cores  %s",
			float64(s.Bitrate)/1e6, s.PacketsPerSecond, 100*s.Loss, s.Latency.P99, s.ServerCores, s.GeneratorCores, s.TooMuch)
	}
	if r.Saturation != nil {
		row("saturation", "%.0f packets/s at %.2f us", r.Saturation.PacketsPerSecond, r.Saturation.MicrosPerPacket)
	}
	row("generator", "%.3f cores, %d packets dropped", r.GeneratorCores, r.GeneratorDrops)
	return t.Flush()
}

// String is m on one line.
func (m Moment) String() string {
	phase := "settling "
	switch {
	case m.Measuring:
		phase = "measuring"
	case m.Joined+m.Failed < m.Wanted:
		phase = "joining  "
	}
	s := fmt.Sprintf("%4.0f s  %s  %d/%d joined  %7.0f packets/s  %8.2f Mbit/s  loss %.3f %%  p50 %.2f ms  p99 %.2f ms",
		m.Since.Seconds(), phase, m.Joined, m.Wanted, m.PacketsPerSecond, m.BitsPerSecond/1e6, 100*m.Loss, milliseconds(m.P50), milliseconds(m.P99))
	if m.Failed > 0 {
		s += fmt.Sprintf("  %d failed", m.Failed)
	}
	if m.RSS > 0 {
		s += fmt.Sprintf("  server %.2f cores %.0f MiB", m.Cores, float64(m.RSS)/(1<<20))
	}
	return s
}
