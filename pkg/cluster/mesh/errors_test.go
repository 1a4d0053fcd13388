package mesh

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestReasonsOfErrors(t *testing.T) {
	all := []error{ErrRefused, ErrWrongNode, ErrTimeout, ErrUnreachable, ErrUntrusted, ErrCut, ErrDeclined, context.Canceled}
	cut, cutOff := context.WithCancelCause(t.Context())
	cutOff(ErrCut)
	gone, leave := context.WithCancel(t.Context())
	leave()
	late, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	op := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for name, tt := range map[string]struct {
		ctx  context.Context
		err  error
		want error
	}{
		"nobody listens":       {t.Context(), op(os.NewSyscallError("connect", syscall.ECONNREFUSED)), ErrRefused},
		"no host":              {t.Context(), op(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), ErrUnreachable},
		"no net":               {t.Context(), op(os.NewSyscallError("connect", syscall.ENETUNREACH)), ErrUnreachable},
		"time of the dialler":  {t.Context(), op(os.ErrDeadlineExceeded), ErrTimeout},
		"time of the caller":   {late, fmt.Errorf("wait: %w", context.DeadlineExceeded), ErrTimeout},
		"certificate":          {t.Context(), &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, ErrUntrusted},
		"name of no node":      {t.Context(), &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}}}, ErrUntrusted},
		"alert":                {t.Context(), &net.OpError{Op: "remote error", Err: errors.New("tls: unknown certificate authority")}, ErrUntrusted},
		"wrong node":           {t.Context(), fmt.Errorf("%w: %q", ErrWrongNode, "x"), ErrWrongNode},
		"cut":                  {cut, op(os.ErrDeadlineExceeded), ErrCut},
		"caller gives up":      {gone, op(net.ErrClosed), context.Canceled},
		"breaks off":           {t.Context(), io.ErrUnexpectedEOF, nil},
		"reset is no proof":    {t.Context(), op(syscall.ECONNRESET), nil},
		"declined":             {t.Context(), fmt.Errorf("%w: full", ErrDeclined), ErrDeclined},
		"a dial that was late": {t.Context(), &dialError{"a:1", fmt.Errorf("%w: x", ErrTimeout)}, ErrTimeout},
	} {
		got := explained(tt.ctx, tt.err)
		for _, reason := range all {
			if errors.Is(got, reason) != (reason == tt.want) {
				t.Errorf("%s: is %v: %v", name, reason, errors.Is(got, reason))
			}
		}
		if !errors.Is(got, tt.err) {
			t.Errorf("%s: the error itself is lost: %v", name, got)
		}
		if explained(tt.ctx, nil) != nil {
			t.Errorf("%s: success is an error", name)
		}
	}
}
