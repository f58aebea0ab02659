// Command e2e runs zen-lead on real nodes, breaks things and prints what a client saw. It needs root.
//
//	e2e [-short]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/test/e2e"
)

func main() {
	short := flag.Bool("short", false, "play the scenarios that take seconds")
	flag.Parse()
	ctrllog.SetLogger(klog.Background()) // it complains at length when nobody chose one
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := e2e.Run(ctx, e2e.Options{Out: os.Stdout, Short: *short})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ne2e: FAILED:", err)
		os.Exit(1)
	}
}
