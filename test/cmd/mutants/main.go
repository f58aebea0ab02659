// Command mutants tries whether the tests notice a wrong product: "mutants [mutant]". test/mutants/README.md says how.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kube-zen/zen-lead/test/mutants"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("one mutant or none, not %q", args)
	}
	work, err := exec.CommandContext(ctx, "go", "env", "GOWORK").Output()
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(work)))
	if !filepath.IsAbs(root) {
		return fmt.Errorf("find the repository: GOWORK is %q and not its go.work", strings.TrimSpace(string(work)))
	}
	return mutants.Run(ctx, mutants.Options{
		Root: root, Dir: filepath.Join(root, "test", "mutants"), Only: strings.Join(args, ""),
		Out: os.Stdout, Progress: os.Stderr,
	})
}
