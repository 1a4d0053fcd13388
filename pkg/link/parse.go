package link

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Parse reads a Config as "rate=1mbit,delay=40ms,jitter=5ms,loss=2%,burst=1%:5,reorder=1%,duplicate=0.1%,queue=60000". Every part may be
// left out. Rates are bits per second with bit, kbit, mbit or gbit; delays have Go's units; shares are percentages or fractions;
// burst is the share and the mean length in packets; queue is bytes.
func Parse(s string) (Config, error) {
	var c Config
	for field := range strings.SplitSeq(s, ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			return Config{}, fmt.Errorf("parse link %q: %q has no value", s, field)
		}
		if err := c.set(key, value); err != nil {
			return Config{}, fmt.Errorf("parse link %q: %s: %w", s, key, err)
		}
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("parse link %q: %w", s, err)
	}
	return c, nil
}

// ParsePath reads both directions of a path: "up:<link>;down:<link>", one of the two, or a single link for both.
func ParsePath(s string) (up, down Config, err error) {
	if !strings.Contains(s, "up:") && !strings.Contains(s, "down:") {
		up, err = Parse(s)
		return up, up, err
	}
	for part := range strings.SplitSeq(s, ";") {
		direction, config, _ := strings.Cut(strings.TrimSpace(part), ":")
		var c Config
		if c, err = Parse(config); err != nil {
			return Config{}, Config{}, err
		}
		switch direction {
		case "up":
			up = c
		case "down":
			down = c
		default:
			return Config{}, Config{}, fmt.Errorf("parse link %q: %q is neither up nor down", s, direction)
		}
	}
	return up, down, nil
}

func (c *Config) set(key, value string) (err error) {
	switch key {
	case "rate":
		c.Rate, err = parseRate(value)
	case "delay":
		c.Delay, err = time.ParseDuration(value)
	case "jitter":
		c.Jitter, err = time.ParseDuration(value)
	case "loss":
		c.Loss, err = parseShare(value)
	case "burst":
		c.Burst, err = parseBurst(value)
	case "reorder":
		c.Reorder, err = parseShare(value)
	case "duplicate":
		c.Duplicate, err = parseShare(value)
	case "queue":
		c.Queue, err = strconv.Atoi(value)
	default:
		return fmt.Errorf("unknown; there are rate, delay, jitter, loss, burst, reorder, duplicate and queue")
	}
	return err
}

func parseRate(s string) (int64, error) {
	number, factor := s, 1.0
	for _, unit := range []struct {
		suffix string
		factor float64
	}{{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {"bit", 1}} {
		if n, ok := strings.CutSuffix(s, unit.suffix); ok {
			number, factor = n, unit.factor
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !(f*factor >= 0 && f*factor < 1e15) {
		return 0, fmt.Errorf("%q is not a rate such as 500kbit or 1.5mbit", s)
	}
	return int64(math.Round(f * factor)), nil
}

func parseShare(s string) (float64, error) {
	number, factor := s, 1.0
	if n, ok := strings.CutSuffix(s, "%"); ok {
		number, factor = n, 100
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a share such as 2%% or 0.02", s)
	}
	return f / factor, nil
}

func parseBurst(s string) (Burst, error) {
	share, length, ok := strings.Cut(s, ":")
	loss, err := parseShare(share)
	if err != nil {
		return Burst{}, err
	}
	f, err := strconv.ParseFloat(length, 64)
	if !ok || err != nil {
		return Burst{}, fmt.Errorf("%q is not a share and a length such as 1%%:5", s)
	}
	return Burst{Loss: loss, Length: f}, nil
}

// String returns what Parse reads.
func (c Config) String() string {
	var fields []string
	add := func(key, value string) { fields = append(fields, key+"="+value) }
	share := func(key string, value float64) {
		if value != 0 {
			add(key, formatFloat(value))
		}
	}
	if c.Rate != 0 {
		add("rate", strconv.FormatInt(c.Rate, 10))
	}
	if c.Delay != 0 {
		add("delay", c.Delay.String())
	}
	if c.Jitter != 0 {
		add("jitter", c.Jitter.String())
	}
	share("loss", c.Loss)
	if c.Burst != (Burst{}) {
		add("burst", formatFloat(c.Burst.Loss)+":"+formatFloat(c.Burst.Length))
	}
	share("reorder", c.Reorder)
	share("duplicate", c.Duplicate)
	if c.Queue != 0 {
		add("queue", strconv.Itoa(c.Queue))
	}
	return strings.Join(fields, ",")
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
