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
)

// warden is what the guard knows.
type warden struct {
	// orders is closed when the parent is gone.
	orders chan order
	// ended gets the command's end.
	ended chan syscall.WaitStatus
	// pid is the command's, and that of its process group; 0 before it was started.
	pid   int
	group *cgroup
	// front is the process group that had the terminal before the command got it, 0 if it did not.
	front int
	until Deadlines
	// told: the command was told to end.
	told bool
}

func newWarden() *warden {
	return &warden{orders: make(chan order), ended: make(chan syscall.WaitStatus, 1)}
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
			told := w.told
			for w.kill() != nil { // what cannot be killed yet keeps the term from being given up
				continue
			}
			w.leaveGroup()
			w.giveTerminalBack()
			e := exitOf(s)
			e.Told = told
			return report{Exit: e}
		case <-timer.C:
		}
		timer.Stop()
		if w.pid == 0 && w.orders == nil {
			return report{}
		}
		w.keepTime()
	}
}

// next is when to look at the clock again.
func (w *warden) next() time.Duration {
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
		_ = w.kill() // the next look tries again
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
		_ = w.kill() // the end of the command is awaited anyway
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
func (w *warden) kill() error {
	w.told = true
	if w.group != nil {
		_ = w.group.kill() // what that leaves is found below
	}
	return KillBelow(killPatience)
}

// begin starts the command.
func (w *warden) begin(c Command) error {
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
			return // nothing is below any more
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

func failed(err error) report {
	r := report{Failed: err.Error()}
	_ = errors.As(err, &r.Errno) // 0 where it is none
	return r
}
