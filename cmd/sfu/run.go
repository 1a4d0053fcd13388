package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Exit codes. sfu doctor has two more, doctor.ExitWarnings and ExitFailures.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2   // the command line or the environment is wrong
	exitInterrupted = 130 // a second signal cut the drain short
)

// A usageError is the operator's to correct on the command line or in the environment.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// A terminal is what a command may read and write.
type terminal struct {
	env    environment
	stdout io.Writer
	stderr io.Writer
}

// A command is one of sfu's subcommands.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, t terminal) error
}

func commands() []command {
	return []command{
		{"serve", "run the server; this is what sfu does without a command", runServe},
		{"token", "make a token that lets one person into one room", runToken},
		{"healthcheck", "ask the server on this machine whether it is alive; exit code 0 or 1", runHealthcheck},
		{"doctor", "look at a deployment, from its machine or from outside, and say what is wrong", runDoctor},
		{"drain", "give the rooms of a server to others and let nobody new in", adminRequest{
			name: "drain", summary: "gives the rooms of a server to other nodes and lets nobody new in, within its --drain-timeout; it goes on to run",
			method: "POST", path: "/drain", show: showDrain, wait: true,
		}.run},
		{"undrain", "take a drain back", adminRequest{
			name: "undrain", summary: "lets a drained server take new people again", method: "POST", path: "/undrain", show: showDrain,
		}.run},
		{"nodes", "show the nodes of the cluster as one of them sees them", adminRequest{
			name: "nodes", summary: "shows the nodes of the cluster as one of them sees them", method: "GET", path: "/cluster", show: showNodes,
		}.run},
		{"load", "fill a server's rooms with synthetic participants and measure it", runLoad},
		{"version", "say which version this is", runVersion},
	}
}

// Run is the program: it returns the exit code. The server ends at once when ctx does, and drains first on SIGINT or SIGTERM.
func Run(ctx context.Context, args, env []string, stdout, stderr io.Writer) int {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	t := terminal{env: parseEnvironment(env), stdout: stdout, stderr: stderr}
	return exitCode(dispatch(ctx, name, args, t), t)
}

func dispatch(ctx context.Context, name string, args []string, t terminal) error {
	if name == "help" {
		return flag.ErrHelp
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, args, t)
		}
	}
	return usagef("unknown command %q", name)
}

func exitCode(err error, t terminal) int {
	var usage usageError
	var status exitStatus
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, flag.ErrHelp):
		writeHelp(t.stdout)
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(t.stderr, "sfu: %v\nsfu --help lists what can be set.\n", err)
		return exitUsage
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	default:
		fmt.Fprintf(t.stderr, "sfu: %v\n", err)
		return exitFailed
	}
}

func runServe(ctx context.Context, args []string, t terminal) error {
	cfg, err := loadConfig(args, t.env)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	tuneGC(t.env)
	return serve(ctx, cfg, lookAround(t.env), newLogger(cfg.Observation, t.stderr), t.stdout, signals)
}

// parseFlags reads args and says what is wrong with them in the form that flags are written here.
func parseFlags(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		text := strings.NewReplacer("flag provided but not defined: -", "unknown flag --", " flag -", " flag --",
			"argument: -", "argument: --").Replace(err.Error())
		return usageError{errors.New(text)}
	}
	if flags.NArg() > 0 {
		return usagef("unexpected argument %q", flags.Arg(0))
	}
	return nil
}
