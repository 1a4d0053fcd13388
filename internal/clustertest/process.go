//go:build linux

package clustertest

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A Process is a program that runs. It is killed when the test ends, or the test binary does.
type Process struct {
	cmd   *exec.Cmd
	log   *journal
	ended chan struct{}
	// frozen is set while the process stands still.
	frozen atomic.Bool
}

// spawn runs functions on the one thread that all processes are started from: the kernel kills a child when the thread that made it ends.
var spawn = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// A program is what a Process runs. It sees nothing of this process's environment but env, and writes into log.
type program struct {
	name, path string
	args, env  []string
	log        *journal
	// apart gives it a network of its own, which ends with it.
	apart bool
}

func start(t testing.TB, what program) *Process {
	t.Helper()
	name, log := what.name, what.log
	p := &Process{cmd: exec.Command(what.path, what.args...), log: log, ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append([]string{"PATH=/usr/bin:/bin"}, what.env...), log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if what.apart {
		p.cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	}
	started := make(chan error)
	spawn() <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	log.note("started as process %d: %v", p.cmd.Process.Pid, what.args)
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // how it ended is in ProcessState
		log.note("ended: %v", p.cmd.ProcessState)
	}()
	t.Cleanup(p.Kill)
	return p
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// signal sends s; a process that has ended already does not mind.
func (p *Process) signal(s syscall.Signal) {
	p.log.note("is sent %v", s)
	if err := p.cmd.Process.Signal(s); err != nil && !p.Ended() {
		p.log.note("signal: %v", err)
	}
}

// Kill ends the process as a power failure would, and waits for it. Then its sockets are closed.
func (p *Process) Kill() {
	if !p.Ended() {
		p.signal(syscall.SIGKILL)
		<-p.ended
	}
}

// Freeze stops the process where it stands, and returns when it does. Continue lets it go on.
func (p *Process) Freeze() {
	p.frozen.Store(true)
	p.signal(syscall.SIGSTOP)
	until(patience, func() bool { return p.Ended() || processState(p.PID()) == 'T' })
}

// Continue is described with Freeze.
func (p *Process) Continue() {
	p.signal(syscall.SIGCONT)
	p.frozen.Store(false)
}

// Terminate asks the process to end in good order.
func (p *Process) Terminate() { p.signal(syscall.SIGTERM) }

// Ended reports whether the process is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

var errStillRuns = errors.New("the process still runs")

// Exit waits for the end and returns the exit code, -1 where a signal ended the process.
func (p *Process) Exit(within time.Duration) (code int, err error) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-timer.C:
		return 0, errStillRuns
	}
}
