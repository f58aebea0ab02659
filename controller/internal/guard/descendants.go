package guard

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// process is one entry of /proc. Its start tells it from a later one of the same number.
type process struct {
	pid, parent, group int
	start              uint64
	zombie             bool
}

// zombies returns the children of this process that have ended and were not waited for.
func zombies() []process {
	all, _ := processes() // the next look may see them
	return slices.DeleteFunc(all, func(p process) bool { return p.parent != os.Getpid() || !p.zombie })
}

// below returns all processes that descend from a process.
func below(pid int) ([]process, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	var found []process
	is := map[int]bool{pid: true}
	for more := true; more; {
		more = false
		for _, p := range all {
			if is[p.parent] && !is[p.pid] {
				is[p.pid], more = true, true
				found = append(found, p)
			}
		}
	}
	return found, nil
}

func processes() ([]process, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, err
	}
	all, err := fs.AllProcs()
	if err != nil {
		return nil, err
	}
	found := make([]process, 0, len(all))
	for _, p := range all {
		if s, err := p.Stat(); err == nil { // else it has ended meanwhile
			found = append(found, process{pid: s.PID, parent: s.PPID, group: s.PGRP, start: s.Starttime, zombie: s.State == "Z" || s.State == "X"})
		}
	}
	return found, nil
}

// kill kills the process if it is still the one that was seen.
func (p process) kill() error {
	handle, err := os.FindProcess(p.pid) // holds on to the process, where the kernel can
	if err != nil {
		return err
	}
	defer func() { _ = handle.Release() }()
	if now, err := procfs.NewProc(p.pid); err != nil {
		return nil // it has ended
	} else if s, err := now.Stat(); err != nil || s.Starttime != p.start {
		return nil
	}
	if err := handle.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process %d: %w", p.pid, err)
	}
	return nil
}

// pause is the time between two looks at whether all that was killed has ended.
const pause = 2 * time.Millisecond

// KillBelow kills everything that descends from this process, which must have adopted its descendants, and returns once nothing of
// it is left, or after patience. Caveat: it reaps all children, so that whoever else waits for one gets an error.
func KillBelow(patience time.Duration) error {
	childless := func() bool {
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			switch {
			case errors.Is(err, syscall.ECHILD):
				return true
			case err == nil && pid == 0:
				return false
			}
		}
	}
	return killBelow(patience, childless)
}

// killBelow kills until childless. A look at /proc alone would not do: it misses what a process starts that ends before it is
// looked at. But whose parent has ended becomes the child of its subreaper, so that one without children has no descendants.
func killBelow(patience time.Duration, childless func() bool) error {
	for until := Now().Add(patience); !childless(); <-time.After(pause) {
		found, err := below(os.Getpid())
		if err != nil {
			return err
		}
		killGroups(found)
		for _, p := range found {
			if !p.zombie {
				err = errors.Join(err, p.kill())
			}
		}
		if Now().Sub(until) > 0 {
			return errors.Join(fmt.Errorf("%w: of %d processes", ErrResists, len(found)), err)
		}
	}
	return nil
}

// killGroups kills the process groups of what was found, but for one's own. The kernel does that in one stroke: what starts others and
// ends, faster than anybody can look, leaves its zombie as the trace of its group.
func killGroups(found []process) {
	killed := map[int]bool{unix.Getpgrp(): true, 0: true}
	for _, p := range found {
		if !killed[p.group] {
			killed[p.group] = true
			_ = unix.Kill(-p.group, unix.SIGKILL) // it may be gone
		}
	}
}

// ErrResists: something was killed, and has not ended.
var ErrResists = errors.New("killed, and has not ended")
