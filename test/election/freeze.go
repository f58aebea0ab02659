package election

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Freeze stops a child process with SIGSTOP and returns when it stands still.
func Freeze(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		if err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
