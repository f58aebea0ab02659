// Command bench measures, and prints a table and one RESULT line for each benchmark: "bench [suite]". bench/README.md says
// what is measured and how.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/bench/api"
	"github.com/kube-zen/zen-lead/test/bench/election"
	"github.com/kube-zen/zen-lead/test/bench/lock"
	"github.com/kube-zen/zen-lead/test/bench/peer"
	"github.com/kube-zen/zen-lead/test/bench/pools"
)

// benchmark measures one thing, prints its figures to out and tells progress.
type benchmark func(ctx context.Context, e bench.Effort, out, progress io.Writer) error

// suites are run in this order where none is named.
var suites = []struct {
	name       string
	benchmarks []benchmark
}{
	{"pools", []benchmark{pools.Failover, pools.Storm, pools.Idle}},
	{"election", []benchmark{election.Release, election.Crash, election.Idle, election.Overlap}},
	{"api", []benchmark{api.Reads, api.Propagation, api.Fanout}},
	{"lock", []benchmark{lock.Hot, lock.Free, lock.Idle}},
}

func main() {
	// client-go's electors would tell everything they do, and controller-runtime that nobody asked for its logs.
	klog.SetLogger(logr.Discard())
	log.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) > 1:
		return fmt.Errorf("one suite or none, not %q", args)
	case len(args) == 1 && args[0] == pools.PeerCommand:
		return runPeer(ctx)
	case len(args) == 1 && args[0] == lock.HolderCommand:
		return lock.Hold(ctx, os.Stdin, os.Stdout)
	case len(args) == 1:
		return measure(ctx, args[0])
	default:
		return measure(ctx, "")
	}
}

// measure runs the suite that is named, all where none is.
func measure(ctx context.Context, name string) error {
	var known []string
	found := false
	for _, s := range suites {
		known = append(known, s.name)
		if name != "" && name != s.name {
			continue
		}
		found = true
		for _, b := range s.benchmarks {
			if err := b(ctx, bench.EffortWanted(), os.Stdout, os.Stderr); err != nil {
				return fmt.Errorf("suite %s: %w", s.name, err)
			}
		}
	}
	if !found {
		return fmt.Errorf("there is no suite %q; there are: %s", name, strings.Join(known, ", "))
	}
	return nil
}

// runPeer is the other process that the suite pools measures beside ours.
func runPeer(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // whoever started it ends it by closing its input, also by dying
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return peer.Run(ctx, config, pools.PeerNamespace)
}
