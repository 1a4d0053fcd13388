package doctor

import "fmt"

// A Level says how bad a Finding is.
type Level uint8

// The levels, the best first.
const (
	// OK is as it should be.
	OK Level = iota
	// Info is good to know and nothing to act on.
	Info
	// Warn works, but not for everyone, not well, or not for long.
	Warn
	// Fail does not work.
	Fail
)

var levelNames = [...]string{OK: "ok", Info: "info", Warn: "warn", Fail: "fail"}

// String is ok, info, warn or fail.
func (l Level) String() string { return levelNames[l] }

// MarshalText is String, for JSON.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// A Finding is one thing that was seen.
type Finding struct {
	// ID is one of Kinds. It stays the same from version to version.
	ID    string `json:"id"`
	Level Level  `json:"level"`
	// Message says in a sentence what is, Remedy in another what to do; it is empty where nothing is to be done.
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
}

// found makes a Finding with the remedy of its kind.
func found(level Level, id, format string, args ...any) Finding {
	f := Finding{ID: id, Level: level, Message: fmt.Sprintf(format, args...)}
	if level != OK {
		f.Remedy = kindOf(id).Remedy
	}
	return f
}

// do replaces the remedy by one that names what this very deployment needs.
func (f Finding) do(format string, args ...any) Finding {
	f.Remedy = fmt.Sprintf(format, args...)
	return f
}

// Worst returns the level of the worst Finding, OK where there is none.
func Worst(findings []Finding) Level {
	worst := OK
	for _, f := range findings {
		worst = max(worst, f.Level)
	}
	return worst
}

// Exit codes beside those of every sfu command: 0, and 1 and 2 for what could not run.
const (
	ExitWarnings = 3 // the worst finding is Warn
	ExitFailures = 4 // the worst finding is Fail
)

// ExitCode is what the process shall end with: 0, ExitWarnings or ExitFailures.
func ExitCode(findings []Finding) int {
	switch Worst(findings) {
	case Fail:
		return ExitFailures
	case Warn:
		return ExitWarnings
	default:
		return 0
	}
}
