package cluster

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// reportEvery is how often a running build says how far it is.
const reportEvery = 10 * time.Second

// buildEnv makes the build independent of the caller's settings. Without cgo the binaries run on any Linux, and no C compiler is needed.
var buildEnv = []string{"GOWORK=off", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false"}

func buildArgs(s source, version string) []string {
	linker := []string{"-s", "-w"}
	for _, stamp := range s.stamps(version) {
		linker = append(linker, "-X", stamp)
	}
	return []string{"-trimpath", "-ldflags=" + strings.Join(linker, " ")}
}

// goBuild is one run of "go build" that counts packages.
type goBuild struct {
	artifact artifact
	from     located
	path     string
	report   reporter
}

func (b goBuild) run(ctx context.Context) error {
	began := time.Now()
	b.report.say("building %s %s: counting packages", b.artifact.name, b.from.version)
	total, err := b.countStale(ctx)
	if err != nil {
		return err
	}
	built := &lineCounter{}
	stop := b.reportProgress(began, built, total)
	err = b.build(ctx, built)
	stop()
	if err != nil {
		return err
	}
	b.report.say("built %s %s in %s", b.artifact.name, b.from.version, time.Since(began).Round(time.Second))
	return nil
}

// countStale asks how many packages are not in Go's build cache. This costs seconds, the build itself minutes.
func (b goBuild) countStale(ctx context.Context) (int, error) {
	args := append([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, buildArgs(b.from.source, b.from.version)...)
	output, err := runGo(ctx, b.from.dir, append(args, b.artifact.pkg)...)
	if err != nil {
		return 0, err
	}
	return len(strings.Fields(string(output))), nil
}

func (b goBuild) build(ctx context.Context, built *lineCounter) error {
	args := append([]string{"build", "-v", "-o", b.path}, buildArgs(b.from.source, b.from.version)...)
	command := goCommand(ctx, b.from.dir, append(args, b.artifact.pkg)...)
	// "go build -v" names each package on standard error when it is done with it.
	command.Stderr = built
	if err := command.Run(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, built.tail())
	}
	return nil
}

func (b goBuild) reportProgress(began time.Time, built *lineCounter, total int) (stop func()) {
	ticker := time.NewTicker(reportEvery)
	done := make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				b.report.say("building %s %s: %s, %s", b.artifact.name, b.from.version, share(built.count(), total), time.Since(began).Round(time.Second))
			}
		}
	})
	return func() { ticker.Stop(); close(done); reporting.Wait() }
}

func share(done, total int) string {
	// The last package is the program itself, and most of its time goes into linking.
	if done >= total-1 {
		return "linking"
	}
	return fmt.Sprintf("%d of %d packages (%d %%)", done, total, 100*done/total)
}

// writeOutput runs a small program of the module and keeps what it prints.
func writeOutput(ctx context.Context, from located, pkg, path string) error {
	output, err := runGo(ctx, from.dir, "run", pkg)
	if err != nil {
		return err
	}
	return os.WriteFile(path, output, 0o644)
}

func runGo(ctx context.Context, dir string, args ...string) ([]byte, error) {
	command := goCommand(ctx, dir, args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, lastLines(stderr.Bytes(), 20))
	}
	return output, nil
}

func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), buildEnv...)
	// go starts compilers; a cancelled build ends them, too.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	return command
}

// lineCounter counts lines and keeps the text for error messages.
type lineCounter struct {
	lines atomic.Int64
	text  bytes.Buffer
}

func (l *lineCounter) Write(text []byte) (int, error) {
	l.lines.Add(int64(bytes.Count(text, []byte("\n"))))
	return l.text.Write(text)
}

func (l *lineCounter) count() int { return int(l.lines.Load()) }

// tail is for use after the last write.
func (l *lineCounter) tail() string { return lastLines(l.text.Bytes(), 20) }

func lastLines(text []byte, n int) string {
	var lines []string
	scanner := bufio.NewScanner(bytes.NewReader(text))
	scanner.Buffer(nil, len(text)+1)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
