package main

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"

	generator "sfu/pkg/load"
)

// An exitStatus is what a command that has said everything itself ends with.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// runLoad loads a server and measures it. The first signal ends it early with what it has measured.
func runLoad(ctx context.Context, args []string, t terminal) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if code := generator.Command(ctx, args, t.stdout, t.stderr); code != exitOK {
		return exitStatus(code)
	}
	return nil
}
