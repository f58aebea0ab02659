package mutants

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/kube-zen/zen-lead/test/zenlead"
)

// What became of a test that ran.
type verdict int

const (
	passed verdict = iota
	failed
)

// testTimeout ends a test that hangs; most take less than a second, one that starts an API server half a minute.
const testTimeout = 5 * time.Minute

// build is a way in which the go command builds in root: with an overlay, or as it stands where that is "".
type build struct{ root, overlay string }

// command prepares a program that builds with the overlay wherever it calls the go command, so that a test that builds
// the binary zen-lead gets that of the mutant. The next ordinary build links it again: its sources are others. A test that installs
// controller/config finds the mutant's by zenlead.OverlayVariable.
func (b build) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GINKGO_NO_COLOR=TRUE")
	if b.overlay != "" {
		c.Env = append(c.Env, strings.TrimSpace("GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+b.overlay), zenlead.OverlayVariable+"="+b.overlay)
	}
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // a suite may have to stop an API server
	c.WaitDelay = 30 * time.Second
	return c
}

// compile builds the tests of a package, and returns the path of the program in the folder dir.
func (b build) compile(ctx context.Context, pkg, dir string) (string, error) {
	program := filepath.Join(dir, "test-of-"+strings.ReplaceAll(filepath.Clean(pkg), string(filepath.Separator), "-"))
	// Without debug information it links faster; most of a mutant's time goes into that.
	out, err := b.command(ctx, b.root, "go", "test", "-c", "-ldflags=-w", "-o", program, pkg).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("it does not compile: %w: %s", err, tail(out))
	}
	if _, err := os.Stat(program); err != nil { // the go command is content with a package without tests
		return "", fmt.Errorf("there are no tests in %s", pkg)
	}
	return program, nil
}

// run runs one test of a compiled package. An error says that the test said neither yes nor no.
func (b build) run(ctx context.Context, program string, test Catcher) (verdict, error) {
	args := []string{"-test.v", "-test.count=1", "-test.timeout=" + testTimeout.String(), "-test.run=" + pattern(test.Test)}
	if test.Focus != "" {
		args = append(args, "-ginkgo.focus="+regexp.QuoteMeta(test.Focus))
	}
	out, err := b.command(ctx, filepath.Join(b.root, test.Package), program, args...).CombinedOutput()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	v, judgement := judge(test.Test, string(out), err)
	if judgement != nil {
		return 0, fmt.Errorf("%s: %w: %s", test.Test, judgement, tail(out))
	}
	return v, nil
}

// pattern is what makes "go test -run" run this test and no other.
func pattern(test string) string {
	var parts []string
	for part := range strings.SplitSeq(test, "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	return strings.Join(parts, "/")
}

var (
	// ginkgoRan counts the specs of a Ginkgo suite that ran; none did where what goes before them failed.
	ginkgoRan    = regexp.MustCompile(`(?m)^Ran (\d+) of \d+ Specs? in`)
	ginkgoFailed = regexp.MustCompile(`(?m)^\s*\[FAIL\] `) // and not [PANICKED!], [TIMEDOUT] or [INTERRUPTED]
)

// judge reads what "go test -v" says of a test. Only a test that ran and whose assertion failed has failed: not one that
// panicked, hung or had nothing to run on.
func judge(test, out string, exit error) (verdict, error) {
	says := func(what string) bool {
		return regexp.MustCompile(`(?m)^\s*--- ` + what + `: ` + regexp.QuoteMeta(test) + ` \(`).MatchString(out)
	}
	specs := ginkgoRan.FindStringSubmatch(out)
	switch code, ok := errors.AsType[*exec.ExitError](exit); {
	case ok && code.ExitCode() != 1:
		return 0, fmt.Errorf("it neither passed nor failed: %w", exit)
	case exit != nil && !ok:
		return 0, exit
	case specs != nil && specs[1] == "0":
		return 0, errors.New("none of its specs ran")
	case says("FAIL") && specs != nil && !ginkgoFailed.MatchString(out):
		return 0, errors.New("no assertion failed")
	case says("FAIL"):
		return failed, nil
	case says("PASS"):
		return passed, nil
	default:
		return 0, errors.New("no such test ran")
	}
}

// tail is the end of what a program said, for people.
func tail(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return "\n  " + strings.Join(lines[max(0, len(lines)-20):], "\n  ")
}
