// Command release makes what a release publishes and shows that it can be published. It publishes nothing.
//
//	release -chart DIR -helm PATH -ah PATH
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/release"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o := release.Options{Out: os.Stdout}
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.StringVar(&o.Chart.Dir, "chart", "", "folder of the chart")
	flags.StringVar(&o.Chart.Helm, "helm", "helm", "path of helm")
	flags.StringVar(&o.Chart.ArtifactHub, "ah", "ah", "path of ah")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || o.Chart.Dir == "" {
		return errors.New("usage: release -chart DIR -helm PATH -ah PATH")
	}
	root, err := cluster.Checkout()
	if err != nil {
		return err
	}
	if o.Source, err = release.Describe(ctx, root); err != nil {
		return err
	}
	return release.DryRun(ctx, o)
}
