package image

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// machines are the architectures that images are made for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// Program is a Go program to be compiled for an image.
type Program struct {
	// Dir is where the go command runs: a module, or a workspace.
	Dir string
	// Package is as the go command takes it there.
	Package string
	// Beside are further packages, whose programs [WritePrograms] puts into the same image.
	Beside []string
	// Architecture is a GOARCH; default the one that runs.
	Architecture string
	// Version is what the program's variable main.version says; empty leaves it alone.
	Version string
}

// Compile links the program statically and writes it to the file out. The bytes depend on the sources and on Go's release, and
// neither on the folder, on the caller's settings nor on git: whoever builds the same sources from an archive gets the same.
func Compile(ctx context.Context, p Program, out string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	linker := "-s -w"
	if p.Version != "" {
		linker += " -X main.version=" + p.Version
	}
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags="+linker, "-o", out, p.Package)
	c.Dir = p.Dir
	c.Env = append(os.Environ(),
		"CGO_ENABLED=0",
		"GOOS=linux",
		"GOARCH="+cmp.Or(p.Architecture, runtime.GOARCH),
		"GOAMD64=v1", "GOARM64=v8.0", // any processor of the architecture
		"GOFLAGS=", "GOEXPERIMENT=",
		"GOTMPDIR="+filepath.Dir(out), // interrupted early, the go command leaves its files behind: then it is for the caller to find them
	)
	// The go command starts compilers, which end with it.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGINT) }
	c.WaitDelay = 10 * time.Second
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s: %w: %s", p.Package, err, said)
	}
	return nil
}

// checkProgram fails if the content would not start as the only file of an image for the architecture.
func checkProgram(content []byte, architecture string) error {
	machine, ok := machines[architecture]
	if !ok {
		return fmt.Errorf("architecture %q: want amd64 or arm64", architecture)
	}
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("no program for Linux: %w", err)
	}
	if file.Machine != machine {
		return fmt.Errorf("it is for %s, the image for %s", file.Machine, architecture)
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("it is linked dynamically, and the image has no libraries: build with CGO_ENABLED=0")
		}
	}
	return nil
}
