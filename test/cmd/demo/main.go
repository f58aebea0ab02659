// Command demo shows zen-lead at work: three pods, six moves of the lead, each timed by an independent watch; what a frozen leader
// does to data, without a fence and with one; and a lock that three want, whose holder is killed.
//
// It runs on a cluster of its own, or, where KUBECONFIG is set, on that cluster, which it asks about first.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/test/demo"
)

func main() { os.Exit(run()) }

func run() int {
	ctrllog.SetLogger(klog.Background()) // it complains at length when nobody chose one
	// Whoever stops reading must not leave anything on a cluster: a write to a closed pipe fails and does not kill.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // the second one ends the removal too
	err := demo.Run(ctx, demo.Options{Out: os.Stdout, In: os.Stdin, Kubeconfig: os.Getenv("KUBECONFIG")})
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "demo: interrupted:", err)
	case errors.Is(err, demo.ErrNoConsent):
		fmt.Fprintln(os.Stderr, "demo:", err)
	default:
		fmt.Fprintln(os.Stderr, "\ndemo: FAILED:", err)
	}
	return 1
}
