package guard

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Passed are the signals that are passed on to a command. SIGKILL and SIGSTOP cannot be; those of a terminal's job control are for
// the shell.
var Passed = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH}

// Main is the guard's process. It returns when everything has ended.
func Main() {
	runtime.LockOSThread() // the kernel kills the command when the thread ends that started it
	unix.CloseOnExec(ordersFD)
	unix.CloseOnExec(reportsFD)
	_ = os.WriteFile("/proc/self/comm", []byte(Name), 0) //nolint:gosec // for people who list processes
	if err := Adopt(); err != nil {
		fmt.Fprintln(os.Stderr, Name+":", err)
		return
	}
	signal.Notify(make(chan os.Signal, 1), Passed...) // not "ignored": the command would inherit that
	w := newWarden()
	go w.read(os.NewFile(ordersFD, "orders"))
	r := w.run()
	_ = json.NewEncoder(os.NewFile(reportsFD, "reports")).Encode(r) // the parent may be gone
}
