package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Name is the guard's argument 0, by which the program knows that it is to be one.
const Name = "zen-lead-guard"

// ErrDied: the guard has ended without a report. What it guarded may go on: see [KillBelow].
var ErrDied = errors.New("the guard of the command has died")

// StartError is why a command was not started.
type StartError struct {
	Reason string
	syscall.Errno
}

func (e *StartError) Error() string { return e.Reason }

// Adopt makes this process the parent of all whose own parent dies below it.
func Adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the subreaper: %w", err)
	}
	return nil
}

// Guard is a guard process, seen from its parent. Its methods are safe for concurrent use.
type Guard struct {
	mu      sync.Mutex
	orders  *os.File
	encoder *json.Encoder
	done    chan Outcome
}

// Outcome is how the command ended, or why it cannot be told: a *StartError, or ErrDied. With ErrResists it has ended, and something that
// it started goes on.
type Outcome struct {
	Exit
	Err error
}

// Start starts a guard, which waits to be given a command: the program itself, which calls [Main] where its argument 0 is [Name].
func Start() (*Guard, error) {
	if os.Args[0] == Name {
		return nil, errors.New("a guard starts no guard: the program did not call Main first") // it would go on for ever
	}
	theirOrders, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	reports, theirs, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirOrders.Close(), ours.Close())
	}
	c := exec.Command("/proc/self/exe") //nolint:noctx // this very program, whatever became of its file; it ends with the pipe of orders
	c.Args = []string{Name}
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.ExtraFiles = []*os.File{theirOrders, theirs}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's signals are not for it
	err = errors.Join(c.Start(), theirOrders.Close(), theirs.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the guard: %w", err), ours.Close(), reports.Close())
	}
	g := &Guard{orders: ours, encoder: json.NewEncoder(ours), done: make(chan Outcome, 1)}
	go func() {
		var r report
		err := json.NewDecoder(reports).Decode(&r)
		g.done <- outcomeOf(r, err)
		_ = reports.Close()
		_ = c.Wait() // its report, or the lack of one, told
	}()
	return g, nil
}

func outcomeOf(r report, err error) Outcome {
	switch {
	case err != nil:
		return Outcome{Err: ErrDied}
	case r.Resists != "":
		return Outcome{r.Exit, fmt.Errorf("%w: %s", ErrResists, r.Resists)}
	case r.Failed != "":
		return Outcome{Err: &StartError{r.Failed, r.Errno}}
	default:
		return Outcome{Exit: r.Exit}
	}
}

// Begin has the guard start the command, to end by the deadlines.
func (g *Guard) Begin(c Command, until Deadlines) { g.tell(order{Begin: &c, Until: &until}) }

// Until tells later deadlines, or sooner ones.
func (g *Guard) Until(d Deadlines) { g.tell(order{Until: &d}) }

// Pass sends a signal to the command's process group.
func (g *Guard) Pass(s syscall.Signal) { g.tell(order{Pass: s}) }

// Stop tells the command to end, by a signal to its process group, unless it was told before.
func (g *Guard) Stop(s syscall.Signal) { g.tell(order{Stop: s}) }

// Kill has everything killed.
func (g *Guard) Kill() { g.tell(order{Kill: true}) }

// tell sends an order. A guard that is gone gets none, and is seen to be gone by Done.
func (g *Guard) tell(o order) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.encoder.Encode(o)
}

// Done gets the outcome, once: unless it is ErrDied, everything that was guarded has ended.
func (g *Guard) Done() <-chan Outcome { return g.done }

// Close lets go of the guard. If it is there yet, it kills everything and ends.
func (g *Guard) Close() error { return g.orders.Close() }
