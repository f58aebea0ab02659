// Command e2e runs zen-lead on real nodes, breaks things and prints what a client saw. It needs root.
//
//	e2e [-short] [-only REGEXP]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/test/e2e"
)

func main() {
	short := flag.Bool("short", false, "play the scenarios that take seconds")
	only := flag.String("only", "", "play the scenarios of these names, where they need no others")
	flag.Parse()
	names, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: -only:", err)
		os.Exit(2)
	}
	ctrllog.SetLogger(klog.Background()) // it complains at length when nobody chose one
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = e2e.Run(ctx, e2e.Options{Out: os.Stdout, Short: *short, Only: names})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\ne2e: FAILED:", err)
		os.Exit(1)
	}
}
