package guard_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
)

// parentName is argument 0 of a process of this test that is a parent to be killed or stopped.
const parentName = "guards-parent"

func TestMain(m *testing.M) {
	switch os.Args[0] {
	case guard.Name:
		guard.Main()
		return
	case parentName:
		beParent()
		return
	}
	if err := guard.Adopt(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const soon = 10 * time.Second

// later are deadlines that do not matter.
func later() guard.Deadlines { return within(time.Hour, time.Hour) }

func within(work, hard time.Duration) guard.Deadlines {
	now := guard.Now()
	return guard.Deadlines{Work: now.Add(work), Hard: now.Add(hard)}
}

// guarded is a shell script under a guard. All that it starts has the mark in its environment.
type guarded struct {
	*guard.Guard
	t    *testing.T
	dir  string
	mark string
}

func begin(t *testing.T, script string, until guard.Deadlines) *guarded {
	t.Helper()
	g, err := guard.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() }) // it has ended, but for a test that failed
	w := &guarded{Guard: g, t: t, dir: words(t)}
	w.mark = "GUARDED=" + w.dir
	g.Begin(shell(script, w.dir), until)
	return w
}

func shell(script, dir string) guard.Command {
	env := append(os.Environ(), "GUARDED="+dir, "DIR="+dir)
	return guard.Command{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: env}
}

// words makes the pipes by which a script tells that it has come to a point.
func words(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Cleanup(func() { // of a test that failed
		for _, pid := range left("GUARDED=" + dir) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	for _, name := range []string{"ready", "told", "child", "command", "orphan", "bred"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// await waits until a script writes to a pipe of a name, and returns what it writes.
func await(t *testing.T, dir, name string) string {
	t.Helper()
	said := make(chan string, 1)
	go func() {
		b, _ := os.ReadFile(filepath.Join(dir, name))
		said <- strings.TrimSpace(string(b))
	}()
	select {
	case word := <-said:
		return word
	case <-time.After(soon):
		t.Fatalf("%s: not within %v", name, soon)
		return ""
	}
}

// out waits for the outcome.
func (w *guarded) out() guard.Outcome {
	w.t.Helper()
	select {
	case o := <-w.Done():
		return o
	case <-time.After(soon):
		w.t.Fatalf("the guard has not ended within %v", soon)
		return guard.Outcome{}
	}
}

func (w *guarded) nothingLeft() {
	w.t.Helper()
	if pids := left(w.mark); len(pids) > 0 {
		w.t.Errorf("processes %v go on", pids)
	}
}

// brood starts children of each kind that is hard to end, and says so in the file "bred".
const brood = `
trap '' TERM
sh -c 'trap "" TERM; sleep 1000; sleep 1000' &
setsid sh -c 'trap "" TERM; sleep 1000; sleep 1000' &
setsid sh -c 'setsid sleep 1000 & exec >&- 2>&- <&-; sleep 1000' &
(sh -c 'sleep 1000 & echo > $DIR/orphan' &)
read x < $DIR/orphan
echo > $DIR/bred
`

func TestTheOutcomeIsTheCommands(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		want   guard.Exit
	}{
		"it exits with 0":        {"exit 0", guard.Exit{}},
		"it exits with 3":        {"exit 3", guard.Exit{Code: 3}},
		"it is ended by SIGKILL": {"kill -KILL $$", guard.Exit{Code: 137, Signal: syscall.SIGKILL}},
	} {
		t.Run(name, func(t *testing.T) {
			if out := begin(t, tc.script, later()).out(); out.Err != nil || out.Exit != tc.want {
				t.Errorf("outcome %+v, want %+v", out, tc.want)
			}
		})
	}
}

func TestACommandThatCannotBeStartedIsToldApart(t *testing.T) {
	g, err := guard.Start()
	if err != nil {
		t.Fatal(err)
	}
	g.Begin(guard.Command{Path: "/nowhere", Args: []string{"nowhere"}}, later())
	var start *guard.StartError
	if out := <-g.Done(); !errors.As(out.Err, &start) || start.Errno != syscall.ENOENT {
		t.Errorf("outcome %+v, want ENOENT", out)
	}
}

func TestWithTheCommandEndsAllThatItStarted(t *testing.T) {
	w := begin(t, brood+"exit 7", later())
	await(t, w.dir, "bred")
	if out := w.out(); out.Code != 7 {
		t.Errorf("outcome %+v", out)
	}
	w.nothingLeft()
}

func TestACommandIsToldWhenItsTimeIsOver(t *testing.T) {
	w := begin(t, `trap 'echo > $DIR/told; exit 4' TERM; echo > $DIR/ready; while :; do sleep 0.01; done`, within(time.Second, time.Hour))
	await(t, w.dir, "ready")
	await(t, w.dir, "told")
	if out := w.out(); out.Code != 4 || !out.Told {
		t.Errorf("outcome %+v", out)
	}
}

func TestEverythingHasEndedByTheHardEnd(t *testing.T) {
	until := within(700*time.Millisecond, 1500*time.Millisecond)
	w := begin(t, brood+"while :; do sleep 1; done", until)
	await(t, w.dir, "bred")
	if out := w.out(); out.Signal != syscall.SIGKILL {
		t.Errorf("outcome %+v, want SIGKILL", out)
	}
	if late := guard.Now().Sub(until.Hard); late > 0 {
		t.Errorf("it ended %v after the hard end", late)
	}
	w.nothingLeft()
}

func TestALaterDeadlineIsWaitedFor(t *testing.T) {
	w := begin(t, `trap 'echo > $DIR/told; exit 4' TERM; echo > $DIR/ready; while :; do sleep 0.01; done`, within(time.Second, time.Hour))
	await(t, w.dir, "ready")
	w.Until(within(3*time.Second, time.Hour))
	start := time.Now()
	await(t, w.dir, "told")
	if after := time.Since(start); after < 2*time.Second {
		t.Errorf("told after %v", after)
	}
	w.out()
}

func TestSignalsGoToTheWholeGroup(t *testing.T) {
	w := begin(t, `
sh -c 'trap "echo > $DIR/child" USR1; echo > $DIR/orphan; while :; do sleep 0.01; done' &
trap 'echo > $DIR/command' USR1
read x < $DIR/orphan
echo > $DIR/ready
while :; do sleep 0.01; done`, later())
	await(t, w.dir, "ready")
	w.Pass(syscall.SIGUSR1)
	await(t, w.dir, "command")
	await(t, w.dir, "child")
	w.Kill()
	if out := w.out(); out.Signal != syscall.SIGKILL {
		t.Errorf("outcome %+v, want SIGKILL", out)
	}
}

func TestACommandIsToldOnce(t *testing.T) {
	w := begin(t, `n=0; trap 'n=$((n+1)); echo > $DIR/told' TERM; trap 'exit $n' USR1; echo > $DIR/ready; while :; do sleep 0.01; done`, later())
	await(t, w.dir, "ready")
	w.Stop(syscall.SIGTERM)
	await(t, w.dir, "told")
	w.Stop(syscall.SIGTERM)
	w.Until(within(0, time.Hour))
	w.Pass(syscall.SIGUSR1)
	if out := w.out(); out.Code != 1 {
		t.Errorf("it was told %d times", out.Code)
	}
}

func TestACommandThatStandsStillIsTold(t *testing.T) {
	w := begin(t, `trap 'exit 5' TERM; echo $$ > $DIR/ready; while :; do sleep 0.01; done`, later())
	pid, _ := strconv.Atoi(await(t, w.dir, "ready"))
	if err := syscall.Kill(-pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	w.Stop(syscall.SIGTERM)
	if out := w.out(); out.Code != 5 {
		t.Errorf("outcome %+v", out)
	}
}

func TestThatTheGuardDiedIsSeenAndNothingOutlivesIt(t *testing.T) {
	w := begin(t, brood+"while :; do sleep 1; done", later())
	await(t, w.dir, "bred")
	w.signalGuard(syscall.SIGKILL)
	if out := w.out(); !errors.Is(out.Err, guard.ErrDied) {
		t.Errorf("outcome %+v, want ErrDied", out)
	}
	if err := guard.KillBelow(soon); err != nil {
		t.Error(err)
	}
	w.nothingLeft()
}

func TestTheKernelKillsTheCommandOfAGuardThatDied(t *testing.T) {
	w := begin(t, `echo $$ > $DIR/ready; while :; do sleep 0.01; done`, later())
	pid, _ := strconv.Atoi(await(t, w.dir, "ready"))
	w.signalGuard(syscall.SIGKILL)
	if !awaitEnd(pid, soon) {
		t.Error("the command goes on")
	}
}

func TestWhatAGuardGuardsThatStandsStillIsKilledByItsParent(t *testing.T) {
	w := begin(t, brood+"while :; do sleep 1; done", later())
	await(t, w.dir, "bred")
	w.signalGuard(syscall.SIGSTOP)
	if err := guard.KillBelow(soon); err != nil {
		t.Error(err)
	}
	w.nothingLeft()
	if out := w.out(); !errors.Is(out.Err, guard.ErrDied) {
		t.Errorf("outcome %+v, want ErrDied", out)
	}
}

// beParent starts a guard and a brood of this test, with the deadlines that its arguments name, and stays.
func beParent() {
	work, _ := time.ParseDuration(os.Args[2])
	hard, _ := time.ParseDuration(os.Args[3])
	g, err := guard.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	g.Begin(shell(brood+"while :; do sleep 1; done", os.Args[1]), within(work, hard))
	<-g.Done()
	select {}
}

func parent(t *testing.T, work, hard time.Duration) (p *exec.Cmd, dir string) {
	t.Helper()
	dir = words(t)
	p = exec.CommandContext(t.Context(), "/proc/self/exe")
	p.Args = []string{parentName, dir, work.String(), hard.String()}
	p.Stderr = os.Stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() }) // it has ended, but for a test that failed
	return p, dir
}

func TestNothingOutlivesAParentThatWasKilled(t *testing.T) {
	p, dir := parent(t, time.Hour, time.Hour)
	await(t, dir, "bred")
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitNothing(t, "GUARDED="+dir)
}

func TestNothingOutlivesTheTermOfAParentThatStandsStill(t *testing.T) {
	p, dir := parent(t, 2*time.Second, 3*time.Second)
	hard := guard.Now().Add(3 * time.Second)
	await(t, dir, "bred")
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if pids := left("GUARDED=" + dir); len(pids) < 5 {
		t.Fatalf("only %v run", pids)
	}
	awaitNothing(t, "GUARDED="+dir)
	if late := guard.Now().Sub(hard); late > 0 {
		t.Errorf("it ended %v after the hard end", late)
	}
}

// forker starts a process that starts another and ends, and so on, each with one more line in a file.
const forker = `echo >> $DIR/hops; [ $0 -gt 0 ] && sh -c "$FORKER" $(($0-1)) & exit`

// Whoever looks at /proc alone sees none of them alive, now and then.
func TestNothingEscapesByEndingSooner(t *testing.T) {
	for range 10 {
		dir := words(t)
		c := exec.CommandContext(t.Context(), "/bin/sh", "-c", forker, "3000")
		c.Env = append(os.Environ(), "FORKER="+forker, "DIR="+dir, "GUARDED="+dir)
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as the guard starts its command
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		if err := guard.KillBelow(soon); err != nil {
			t.Error(err)
		}
		hops := func() int64 {
			is, err := os.Stat(filepath.Join(dir, "hops"))
			if err != nil {
				t.Fatal(err)
			}
			return is.Size()
		}
		after := hops()
		<-time.After(100 * time.Millisecond)
		if later := hops(); later != after || after > 2900 {
			t.Fatalf("%d processes had been started when nothing was left, and later %d", after, later)
		}
	}
}

func TestACommandWhoseTermIsOverIsNotStarted(t *testing.T) {
	for range 5 {
		w := begin(t, "echo > $DIR/ran", within(-time.Second, -time.Millisecond))
		if out := w.out(); out.Err != nil || !out.Told {
			t.Errorf("outcome %+v", out)
		}
		if _, err := os.Stat(filepath.Join(w.dir, "ran")); err == nil {
			t.Fatal("it ran")
		}
	}
}

func TestTheEnvironmentHasEachNameOnce(t *testing.T) {
	t.Setenv("ZEN_LEAD_TERM", "1")
	var found []string
	for _, entry := range guard.Environment(map[string]string{"ZEN_LEAD_TERM": "7"}) {
		if strings.HasPrefix(entry, "ZEN_LEAD_TERM=") {
			found = append(found, entry)
		}
	}
	if len(found) != 1 || found[0] != "ZEN_LEAD_TERM=7" {
		t.Errorf("%v", found)
	}
}
