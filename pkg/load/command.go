package load

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"sfu/pkg/codec"
	"sfu/pkg/link"
	"sfu/pkg/synthetic"
)

// Exit codes of Command.
const (
	exitOK     = 0
	exitFailed = 1 // nothing could be measured, or someone could not join
	exitUsage  = 2
)

// Command is "sfu load": it reads the command line, runs, and writes progress to stderr and the result to stdout. It returns the exit
// code.
func Command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, asJSON, err := parse(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "sfu load: %v\nsfu load --help lists what can be set.\n", err)
		return exitUsage
	}
	result, err := Run(ctx, cfg, func(m Moment) { fmt.Fprintln(stderr, m) })
	if err != nil {
		fmt.Fprintf(stderr, "sfu load: %v\n", err)
		return exitFailed
	}
	write := result.WriteTable
	if asJSON {
		write = result.WriteJSON
	}
	if err := write(stdout); err != nil {
		fmt.Fprintf(stderr, "sfu load: write the result: %v\n", err)
		return exitFailed
	}
	if result.Failed > 0 {
		return exitFailed
	}
	return exitOK
}

// addFrom reads --from.
func (c *Config) addFrom(list string) error {
	for one := range strings.SplitSeq(list, ",") {
		address, err := netip.ParseAddr(one)
		if err != nil {
			return err
		}
		c.From = append(c.From, address)
	}
	return nil
}

// pacings are the values of --pace.
var pacings = map[string]synthetic.Pacing{"browser": synthetic.PaceBrowser, "burst": synthetic.PaceBurst, "even": synthetic.PaceEven}

// parse reads the command line. Help goes to stdout.
func parse(args []string, stdout io.Writer) (cfg Config, asJSON bool, err error) {
	flags := flag.NewFlagSet("sfu load", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&cfg.URL, "url", "http://127.0.0.1:8080", "the server")
	flags.StringVar(&cfg.Token, "token", "", "the token that every participant gives")
	flags.Func("from", "own addresses that participants come from, in turns, separated by commas: a server bounds what one may do", cfg.addFrom)
	flags.StringVar(&cfg.RoomPrefix, "room", "load-", "what the rooms' names begin with")
	flags.IntVar(&cfg.Rooms, "rooms", 1, "rooms")
	flags.IntVar(&cfg.Publishers, "publishers", 1, "publishers in each room")
	flags.IntVar(&cfg.Viewers, "viewers", 10, "viewers in each room")
	flags.IntVar(&cfg.Silent, "silent", 0, "participants in each room that are connected and neither send nor receive media")
	flags.BoolVar(&cfg.Page, "page", false, "silent participants offer what the page offers, not one microphone")
	flags.IntVar(&cfg.Slots, "slots", 0, "others that a participant may receive, 0 for as many as there are publishers")
	flags.BoolVar(&cfg.Watch, "watch", false, "publishers receive each other, as in a meeting")
	flags.IntVar(&cfg.Bitrate, "bitrate", 1_500_000, "bits per second of one publisher's video, 0 for none")
	flags.Float64Var(&cfg.FPS, "fps", 30, "frames per second")
	name := flags.String("codec", "VP8", "VP8, VP9, H264 or AV1")
	flags.BoolVar(&cfg.Simulcast, "simulcast", false, "publish three encodings with three temporal layers")
	flags.BoolVar(&cfg.Audio, "audio", false, "publish sound, too")
	pace := flags.String("pace", "browser", "how the packets of video leave: as from a browser, frame by frame in bursts, or at even distances (browser, burst, even)")
	flags.BoolVar(&cfg.SlowCipher, "slow-cipher", false, "prefer SRTP profiles as Chromium does, for servers that leave the choice to the client")
	flags.BoolVar(&cfg.Saturate, "saturate", false, "raise the bitrate, each step for --duration, until 0.1 % is lost or the latency's p99 is 300 ms")
	flags.DurationVar(&cfg.Duration, "duration", 10*time.Second, "how long to measure")
	flags.DurationVar(&cfg.Settle, "settle", 2*time.Second, "how long to wait before measuring, once all have joined")
	flags.Float64Var(&cfg.JoinRate, "join-rate", 40, "joins per second")
	flags.IntVar(&cfg.Sample, "sample", 16, "viewers decrypt and check one packet in so many")
	pid := flags.Int("pid", 0, "the server's process on this machine, to measure its CPU time and memory")
	metrics := flags.String("metrics", "", "the address of the server's metrics, instead of --pid")
	impair := flags.String("impair", "", `the viewers' path, such as "rate=1mbit,delay=40ms,jitter=5ms,loss=2%,queue=60000", or "up:...;down:..."`)
	flags.BoolVar(&asJSON, "json", false, "write the result as JSON")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(stdout)
			fmt.Fprintln(stdout, "sfu load fills a server's rooms with synthetic participants and measures what they get.")
			flags.PrintDefaults()
		}
		return cfg, false, err
	}
	switch {
	case flags.NArg() > 0:
		return cfg, false, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case *pid != 0 && *metrics != "":
		return cfg, false, errors.New("--pid and --metrics are two ways to the same; choose one")
	case *pid != 0:
		cfg.Process = PID(*pid)
	case *metrics != "":
		cfg.Process = MetricsURL(*metrics)
	}
	cfg.Codec = codec.ByMIMEType("video/" + *name)
	known := false
	if cfg.Pacing, known = pacings[*pace]; !known {
		return cfg, false, fmt.Errorf("--pace is browser, burst or even, not %q", *pace)
	}
	if *impair != "" {
		cfg.Impaired = true
		if cfg.Up, cfg.Down, err = link.ParsePath(*impair); err != nil {
			return cfg, false, fmt.Errorf("--impair: %w", err)
		}
	}
	return cfg, asJSON, cfg.validate()
}
