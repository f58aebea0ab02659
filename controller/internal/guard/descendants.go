package guard

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// Process is one entry of /proc. Its start tells it from a later one of the same number.
type Process struct {
	PID, parent int
	start       uint64
	zombie      bool
}

// Zombies returns the children of this process that have ended and were not waited for.
func Zombies() []Process {
	all, _ := processes() // the next look may see them
	return slices.DeleteFunc(all, func(p Process) bool { return p.parent != os.Getpid() || !p.zombie })
}

// below returns all processes that descend from a process.
func below(pid int) ([]Process, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	var found []Process
	is := map[int]bool{pid: true}
	for more := true; more; {
		more = false
		for _, p := range all {
			if is[p.parent] && !is[p.PID] {
				is[p.PID], more = true, true
				found = append(found, p)
			}
		}
	}
	return found, nil
}

func processes() ([]Process, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, err
	}
	all, err := fs.AllProcs()
	if err != nil {
		return nil, err
	}
	found := make([]Process, 0, len(all))
	for _, p := range all {
		if s, err := p.Stat(); err == nil { // else it has ended meanwhile
			found = append(found, Process{PID: s.PID, parent: s.PPID, start: s.Starttime, zombie: s.State == "Z" || s.State == "X"})
		}
	}
	return found, nil
}

// kill kills the process if it is still the one that was seen.
func (p Process) kill() error {
	handle, err := os.FindProcess(p.PID) // holds on to the process, where the kernel can
	if err != nil {
		return err
	}
	defer func() { _ = handle.Release() }()
	if now, err := procfs.NewProc(p.PID); err != nil {
		return nil // it has ended
	} else if s, err := now.Stat(); err != nil || s.Starttime != p.start {
		return nil
	}
	if err := handle.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process %d: %w", p.PID, err)
	}
	return nil
}

// pause is the time between two looks at whether all that was killed has ended.
const pause = 2 * time.Millisecond

// KillBelow kills everything that descends from this process, and returns once nothing of it runs, or after patience. Whatever is
// started meanwhile is found by the next look: its parent is dead, so that it descends from this process.
func KillBelow(patience time.Duration) error {
	for until := Now().Add(patience); ; <-time.After(pause) {
		found, err := below(os.Getpid())
		if err != nil {
			return err
		}
		living := 0
		for _, p := range found {
			if !p.zombie {
				living++
				err = errors.Join(err, p.kill())
			}
		}
		switch {
		case living == 0:
			return nil
		case Now().Sub(until) > 0:
			return errors.Join(fmt.Errorf("%d processes were killed and have not ended within %v", living, patience), err)
		}
	}
}
