package agent_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/agent"
	zenlead "github.com/kube-zen/zen-lead/sdk/go"
)

// aLock plays [zenlead.Lock]: it is granted at once unless asking fails, and never renewed.
type aLock struct {
	work, hard time.Duration
	// asked answers each question, in turn; nil where there is no answer left.
	asked []error
	// wait: the lock is waited for until the context ends, in a place of the queue.
	wait bool
	// released is called as the lock is.
	released func()

	mu     sync.Mutex
	tries  int
	since  time.Time
	unlock int
	done   chan struct{}
}

func newLock(work, hard time.Duration) *aLock {
	return &aLock{work: work, hard: hard, done: make(chan struct{}), released: func() {}}
}

func (l *aLock) TryLock(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries++
	if len(l.asked) > 0 {
		err := l.asked[0]
		l.asked = l.asked[1:]
		if err != nil {
			return fmt.Errorf("take lock: %w", err)
		}
	}
	l.since = time.Now()
	time.AfterFunc(l.work, func() { close(l.done) })
	return nil
}

func (l *aLock) Lock(ctx context.Context) error {
	if l.wait {
		<-ctx.Done()
		return fmt.Errorf("take lock: %w", context.Cause(ctx))
	}
	return l.TryLock(ctx)
}

func (l *aLock) Unlock(context.Context) error {
	l.released()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unlock++
	return nil
}

func (l *aLock) Left() (work, hard time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := time.Since(l.since)
	return l.work - gone, l.hard - gone
}

func (l *aLock) Err() error {
	if work, _ := l.Left(); work <= 0 {
		return zenlead.ErrLost
	}
	return nil
}

func (l *aLock) Token() int64 {
	if l.Err() != nil {
		return 0
	}
	return 105902
}

func (l *aLock) Done() <-chan struct{} { return l.done }

func shell(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestTheExitCodeTellsWhatBecameOfTheLock(t *testing.T) {
	nobody := errors.New("nobody may")
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		command []string
		edit    func(*aLock, *agent.Locked)
		code    int
		text    string
		tries   int
	}{
		"the command's own":         {shell("exit 7"), nil, 7, "", 1},
		"128 + n of a signal":       {shell("kill -HUP $$"), nil, 129, "", 1},
		"held by somebody else":     {shell("exit 7"), func(l *aLock, _ *agent.Locked) { l.asked = []error{zenlead.ErrHeld} }, 4, "held by somebody else", 1},
		"not waited for":            {shell("exit 7"), func(l *aLock, r *agent.Locked) { r.Wait, l.wait = 0, true }, 7, "", 1},
		"no answer while it waited": {shell("exit 7"), func(l *aLock, r *agent.Locked) { r.Wait, l.wait = time.Millisecond, true }, 125, "the time to wait has passed", 0},
		"not there, and not made": {shell("exit 7"), func(l *aLock, r *agent.Locked) {
			l.asked, r.Make = []error{zenlead.ErrUnknownLock}, func(context.Context) error { return nobody }
		}, 3, "nobody may", 1},
		"not there, and made":     {shell("exit 7"), func(l *aLock, _ *agent.Locked) { l.asked = []error{zenlead.ErrUnknownLock, zenlead.ErrUnknownLock} }, 7, "", 3},
		"may not be asked for":    {shell("exit 7"), func(l *aLock, _ *agent.Locked) { l.asked = []error{zenlead.ErrForbidden} }, 125, "not allowed", 1},
		"a command that is not":   {[]string{"/nowhere"}, nil, 127, "/nowhere", 0},
		"one that may not be run": {[]string{plain}, nil, 126, "permission denied", 0},
		"lost":                    {shell("sleep 9"), func(l *aLock, _ *agent.Locked) { l.work = 300 * time.Millisecond }, 5, "lost", 1},
		"lost before it began":    {shell("exit 7"), func(l *aLock, _ *agent.Locked) { l.work = 0 }, 5, "lost", 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLock(time.Hour, time.Hour)
			run := &agent.Locked{Name: "report", Command: c.command, Lock: l, Wait: -1, Make: func(context.Context) error { return nil }}
			if c.edit != nil {
				c.edit(l, run)
			}
			code, err := run.Execute(t.Context(), nil)
			if code != c.code || (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("code %d, %v; want %d, %q", code, err, c.code, c.text)
			}
			if l.tries != c.tries {
				t.Errorf("asked %d times, want %d", l.tries, c.tries)
			}
			if held := !l.since.IsZero(); held != (l.unlock == 1) {
				t.Errorf("held: %v; released %d times", held, l.unlock)
			}
		})
	}
}

func TestACommandKnowsItsToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	run := &agent.Locked{Name: "report", Command: shell("echo $ZEN_LEAD_TOKEN > " + file), Lock: newLock(time.Hour, time.Hour), Wait: -1}
	if code, err := run.Execute(t.Context(), nil); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "105902\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestALockIsReleasedAfterAllHasEnded is rule 6: also what left the process group has.
func TestALockIsReleasedAfterAllHasEnded(t *testing.T) {
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	if err := syscall.Mkfifo(ready, 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLock(time.Hour, time.Hour)
	var left []string
	runs := running(dir)
	l.released = func() { left = runs() }
	script := fmt.Sprintf(`cd %s; echo $$ > command; trap 'exit 9' TERM; setsid sh -c 'echo $$ > child; trap "" TERM; echo > ready; sleep 9; sleep 9' & wait; wait`, dir)
	run := &agent.Locked{Name: "report", Command: shell(script), Lock: l, Wait: -1}
	ctx, end := context.WithCancelCause(t.Context())
	go func() {
		_, _ = os.ReadFile(ready)
		end(agent.SignalError{Signal: syscall.SIGTERM})
	}()
	code, err := run.Execute(ctx, nil)
	if code != 9 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	if len(left) > 0 || l.unlock != 1 {
		t.Errorf("released %d times, while these ran: %v", l.unlock, left)
	}
}

// TestALostLockLeavesNothing is of a lock that is not renewed: what ignores SIGTERM, or has left the process group, has ended before
// another may hold it.
func TestALostLockLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	l := newLock(400*time.Millisecond, 1500*time.Millisecond)
	left := running(dir)
	l.released = func() {
		if _, hard := l.Left(); hard <= 0 {
			t.Errorf("it has ended %v after the lock had", -hard)
		}
		if names := left(); len(names) > 0 {
			t.Error("it is over for", names)
		}
	}
	script := fmt.Sprintf(`cd %s; echo $$ > command; trap '' TERM; setsid sh -c 'echo $$ > child; sleep 9; sleep 9' & sleep 9; sleep 9`, dir)
	run := &agent.Locked{Name: "report", Command: shell(script), Lock: l, Wait: -1}
	if code, err := run.Execute(t.Context(), nil); code != agent.CodeLost || !errors.Is(err, zenlead.ErrLost) || l.unlock != 1 {
		t.Errorf("code %d, %v; released %d times", code, err, l.unlock)
	}
}

// running returns what names those of the processes command and child that run, which have written their ids to files of a folder.
func running(dir string) func() []string {
	return func() (names []string) {
		for _, name := range []string{"command", "child"} {
			pid, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				names = append(names, err.Error())
			} else if n, _ := strconv.Atoi(strings.TrimSpace(string(pid))); syscall.Kill(n, 0) == nil {
				names = append(names, name)
			}
		}
		return names
	}
}

// TestNothingRunsOnceItIsToldToEnd: a grant may come in the same moment.
func TestNothingRunsOnceItIsToldToEnd(t *testing.T) {
	for name, cause := range map[string]struct {
		error
		code int
	}{"by a signal": {agent.SignalError{Signal: syscall.SIGTERM}, 143}, "otherwise": {nil, 0}} {
		l := newLock(time.Hour, time.Hour)
		ctx, end := context.WithCancelCause(t.Context())
		end(cause.error)
		run := &agent.Locked{Name: "report", Command: shell("exit 7"), Lock: l, Wait: -1}
		if code, err := run.Execute(ctx, nil); code != cause.code || err != nil || l.unlock != 1 {
			t.Errorf("%s: code %d, %v, released %d times", name, code, err, l.unlock)
		}
	}
}

func TestASignalEndsTheWait(t *testing.T) {
	l := newLock(time.Hour, time.Hour)
	l.wait = true
	ctx, end := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { end(agent.SignalError{Signal: syscall.SIGINT}) })
	run := &agent.Locked{Name: "report", Command: shell("exit 7"), Lock: l, Wait: -1}
	if code, err := run.Execute(ctx, nil); code != 130 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
}
