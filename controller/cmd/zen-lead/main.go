// Command zen-lead keeps exactly one copy of something active on Kubernetes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kube-zen/zen-lead/controller/internal/command"
	"github.com/kube-zen/zen-lead/controller/internal/guard"
)

// version is set when the binary is linked.
var version = "dev"

func main() {
	if os.Args[0] == guard.Name {
		guard.Main()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command.New(version).ExecuteContext(ctx)
	stop()
	var exit *command.ExitError
	switch {
	case errors.As(err, &exit) && exit.Err == nil:
		os.Exit(exit.Code)
	case errors.As(err, &exit):
		fmt.Fprintln(os.Stderr, "zen-lead:", err)
		os.Exit(exit.Code)
	case err != nil:
		fmt.Fprintln(os.Stderr, "zen-lead:", err)
		os.Exit(1)
	}
}
