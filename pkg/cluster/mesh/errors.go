package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// What can be wrong with a peer. Errors of Proxy, Probe, Record and Handover wrap one of these where the reason is known.
var (
	// ErrRefused says that nothing listens at the address: the process is gone.
	ErrRefused = errors.New("nothing listens there")
	// ErrWrongNode says that another process of the cluster listens at the address: the one that was meant is gone from there. The process
	// has proved who it is.
	ErrWrongNode = errors.New("another process has this address")
	// ErrTimeout says that the peer did not answer in time; it may be gone, frozen or cut off.
	ErrTimeout = errors.New("no answer in time")
	// ErrUnreachable says that the network knows no way to the address: its host is gone, or this node is cut off itself.
	ErrUnreachable = errors.New("no way there")
	// ErrUntrusted says that one of the two nodes does not know the secret of the other. It says nothing about the process that was meant.
	ErrUntrusted = errors.New("the cluster secrets of the two nodes differ")
	// ErrCut says that Cut or Close ended it.
	ErrCut = errors.New("cut off")
	// ErrDeclined says that the peer is well and does not want to.
	ErrDeclined = errors.New("declined")
)

// A NotOwnerError says that the peer does not own the room in the epoch that was meant. Nothing was written to the client.
type NotOwnerError struct {
	// Epoch is the one in which the peer owns the room, "" where it does not own it.
	Epoch string
}

// Error is the sentence.
func (e *NotOwnerError) Error() string {
	if e.Epoch == "" {
		return "the node does not own the room"
	}
	return "the node owns the room in epoch " + e.Epoch
}

// explained puts the reason in front of an error of a connection. ctx is the one that the connection was made or used with.
func explained(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if reason := reasonOf(ctx, err); reason != nil && !errors.Is(err, reason) {
		return fmt.Errorf("%w: %w", reason, err)
	}
	return err
}

func reasonOf(ctx context.Context, err error) error {
	var timeout net.Error
	var verification *tls.CertificateVerificationError
	var remote *net.OpError
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrCut):
		return ErrCut
	case errors.Is(cause, context.Canceled):
		return context.Canceled
	case errors.Is(err, ErrWrongNode), errors.Is(err, ErrUntrusted), errors.Is(err, ErrTimeout):
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return ErrRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return ErrUnreachable
	case errors.As(err, &verification):
		return ErrUntrusted
	case errors.As(err, &remote) && remote.Op == "remote error": // a TLS alert: in TLS 1.3 the server looks at our certificate last
		return ErrUntrusted
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return ErrTimeout
	}
	return nil
}
