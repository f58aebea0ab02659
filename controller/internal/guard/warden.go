package guard

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// killBefore is how long before the hard end of a term everything is killed. The parent looks after half of it whether that
	// has happened.
	killBefore = 200 * time.Millisecond
	// lookAgain is how late, at most, a deadline is seen to have passed while the machine was suspended: timers stand still then.
	lookAgain = time.Second
	// killPatience is how long one attempt at killing everything takes, at most.
	killPatience = time.Second
	// lastPatience is how long what the command has left may take to end, once the command itself has.
	lastPatience = 5 * time.Second
)

// warden is what the guard knows.
type warden struct {
	// orders is closed when the parent is gone.
	orders chan order
	// ended gets the command's end; alone is closed when nothing is below the guard any more.
	ended chan syscall.WaitStatus
	alone chan struct{}
	// pid is the command's, and that of its process group; 0 before it was started.
	pid   int
	group *cgroup
	// front is the process group that had the terminal before the command got it, 0 if it did not.
	front int
	until Deadlines
	// told: the command was told to end. over: it has ended.
	told, over bool
}

func newWarden() *warden {
	return &warden{orders: make(chan order), ended: make(chan syscall.WaitStatus, 1), alone: make(chan struct{})}
}

func (w *warden) read(orders io.Reader) {
	defer close(w.orders)
	for d := json.NewDecoder(orders); ; {
		var o order
		if d.Decode(&o) != nil {
			return
		}
		w.orders <- o
	}
}

// run guards until everything has ended.
func (w *warden) run() report {
	for {
		timer := time.NewTimer(w.next())
		select {
		case o, ok := <-w.orders:
			if !ok {
				w.orders = nil
				w.until = Deadlines{} // no time is left
			} else if err := w.obey(o); err != nil {
				return failed(err)
			}
		case s := <-w.ended:
			return w.conclude(s)
		case <-timer.C:
		}
		timer.Stop()
		if w.pid == 0 && w.orders == nil {
			return report{}
		}
		w.keepTime()
	}
}

// conclude ends what the command has left. What cannot be killed is reported instead: the term is not given up for it.
func (w *warden) conclude(s syscall.WaitStatus) report {
	w.over = true
	e := exitOf(s)
	e.Told = w.told
	interrupted := e.Signal == syscall.SIGINT || e.Signal == syscall.SIGQUIT || e.Code == 128+int(syscall.SIGINT)
	e.Interrupted = interrupted && w.front != 0
	err := w.kill(lastPatience)
	w.leaveGroup()
	w.giveTerminalBack()
	if err != nil {
		return report{Exit: e, Resists: err.Error()}
	}
	return report{Exit: e}
}

// next is when to look at the clock again.
func (w *warden) next() time.Duration {
	if w.pid == 0 {
		return lookAgain // for a command, or the end of the parent, which come by themselves
	}
	end := w.until.Hard.Add(-killBefore)
	if !w.told {
		end = min(end, w.until.Work)
	}
	return max(min(end.Sub(Now()), lookAgain), pause)
}

// keepTime does what is due by the clock.
func (w *warden) keepTime() {
	if w.pid == 0 {
		return
	}
	now := Now()
	if now >= w.until.Work {
		w.stop(syscall.SIGTERM)
	}
	if now >= w.until.Hard.Add(-killBefore) {
		_ = w.kill(killPatience) // the next look tries again
	}
}

func (w *warden) obey(o order) error {
	if o.Until != nil {
		w.until = *o.Until
	}
	if o.Begin != nil {
		return w.begin(*o.Begin)
	}
	if w.pid == 0 {
		return nil
	}
	switch {
	case o.Pass != 0:
		_ = unix.Kill(-w.pid, o.Pass) // it may have ended
	case o.Stop != 0:
		w.stop(o.Stop)
	case o.Kill:
		_ = w.kill(killPatience) // the end of the command is awaited anyway
	}
	return nil
}

// stop tells the command to end, once. A command that stands still is woken for that.
func (w *warden) stop(s syscall.Signal) {
	if !w.told {
		w.told = true
		_ = unix.Kill(-w.pid, s) // it may have ended
		_ = unix.Kill(-w.pid, unix.SIGCONT)
	}
}

// kill ends everything, and fails if something goes on.
func (w *warden) kill(patience time.Duration) error {
	w.told = true
	if !w.over {
		_ = unix.Kill(-w.pid, unix.SIGKILL) // at once; the look for what has left the group takes a while
	}
	if w.group != nil {
		_ = w.group.kill() // what that leaves is found below
	}
	return killBelow(patience, w.childless)
}

func (w *warden) childless() bool {
	select {
	case <-w.alone:
		return true
	default:
		return false
	}
}

// begin starts the command, unless its time is over.
func (w *warden) begin(c Command) error {
	if Now() >= w.until.Work {
		return errOver
	}
	w.group, _ = makeCgroup() // where there can be none, descendants are looked for
	p, err := w.start(c)
	if err != nil && w.group != nil { // the kernel, or a filter of its calls, may not know how to start a process in a group
		w.leaveGroup()
		p, err = w.start(c)
	}
	if err != nil {
		return err
	}
	w.pid = p.Pid
	go w.reap()
	return nil
}

func (w *warden) start(c Command) (*os.Process, error) {
	w.front = foreground()
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Foreground: w.front != 0}
	if w.group != nil {
		dir, err := os.Open(w.group.path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = dir.Close() }() // it was read from only
		attr.UseCgroupFD, attr.CgroupFD = true, int(dir.Fd())
	}
	return os.StartProcess(c.Path, c.Args, &os.ProcAttr{Env: c.Env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: attr})
}

// foreground is the parent's process group if that has the terminal, which then is to be the command's; else 0.
func foreground() int {
	front, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	if err != nil {
		return 0 // no terminal
	}
	if parents, err := unix.Getpgid(os.Getppid()); err != nil || front != parents {
		return 0
	}
	return front
}

// giveTerminalBack gives the terminal to whoever had it before the command.
func (w *warden) giveTerminalBack() {
	if w.front != 0 {
		signal.Ignore(syscall.SIGTTOU) // the guard is in the background, and nothing inherits this any more
		_ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, w.front)
	}
}

// reap waits for all that ends below the guard.
func (w *warden) reap() {
	for {
		var s syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &s, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			close(w.alone)
			return
		case pid == w.pid:
			w.ended <- s
		}
	}
}

// leaveGroup removes the control group, if that is empty.
func (w *warden) leaveGroup() {
	if w.group != nil {
		_ = w.group.remove() // an empty group is harmless
		w.group = nil
	}
}

// errOver: the term is over before the command was started.
var errOver = errors.New("the term is over")

func failed(err error) report {
	if errors.Is(err, errOver) {
		return report{Exit: Exit{Code: 128 + int(syscall.SIGTERM), Signal: syscall.SIGTERM, Told: true}}
	}
	r := report{Failed: err.Error()}
	_ = errors.As(err, &r.Errno) // 0 where it is none
	return r
}
