// Command cluster keeps one control plane per checkout running until it is told to stop.
//
//	cluster start [-nodes N]     start it, or find it running, with fake nodes or N real ones; the last line is KUBECONFIG=<absolute path>
//	cluster stop                 end it, and nothing else
//	cluster build                build all that start needs
//	cluster build kubectl -o F   build kubectl and copy it to F
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// fakeNodes is enough to see a Deployment spread.
const fakeNodes = 3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	commands := map[string]func(context.Context, []string) error{"start": start, "stop": stop, "build": build}
	if len(args) == 0 || commands[args[0]] == nil {
		return errors.New("usage: cluster start [-nodes N] | stop | build [kubectl -o FILE]")
	}
	return commands[args[0]](ctx, args[1:])
}

func start(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("start", flag.ContinueOnError)
	nodes := flags.Int("nodes", 0, "number of real nodes")
	if err := parse(flags, args); err != nil {
		return err
	}
	dir, err := stateDir()
	if err != nil {
		return err
	}
	options, err := optionsFor(ctx, dir, *nodes)
	if err != nil {
		return err
	}
	c, err := cluster.Start(ctx, options)
	if errors.Is(err, cluster.ErrRunning) {
		fmt.Fprintln(os.Stderr, "the cluster of this checkout runs already, with the nodes and images that it began with; make cluster-stop ends it")
		c, err = cluster.Open(dir)
	} else if err == nil {
		explain(options)
	}
	if err != nil {
		return err
	}
	fmt.Printf("KUBECONFIG=%s\n", c.Kubeconfig)
	return nil
}

func optionsFor(ctx context.Context, dir string, nodes int) (cluster.Options, error) {
	options := cluster.Options{Dir: dir, Detached: true, Progress: os.Stderr}
	if nodes == 0 {
		options.FakeNodes = fakeNodes
		return options, nil
	}
	archive, err := writeImages(ctx, dir)
	options.Nodes, options.Images = nodes, []string{archive}
	return options, err
}

func explain(options cluster.Options) {
	if options.Nodes == 0 {
		fmt.Fprintf(os.Stderr, "its %d nodes are fake: kwok stands for their kubelets, pods become Ready but run no process\n", options.FakeNodes)
		return
	}
	fmt.Fprintf(os.Stderr, "its nodes are real; nothing can be pulled there, and they have %s and %s\n", zenLeadImage, appImage)
}

func stop(ctx context.Context, args []string) error {
	if err := parse(flag.NewFlagSet("stop", flag.ContinueOnError), args); err != nil {
		return err
	}
	dir, err := stateDir()
	if err != nil {
		return err
	}
	err = cluster.End(ctx, dir)
	if errors.Is(err, cluster.ErrNotRunning) {
		fmt.Fprintln(os.Stderr, "no cluster of this checkout runs")
		return nil
	}
	return err
}

func build(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return cluster.Build(ctx, true, os.Stderr)
	}
	if args[0] != "kubectl" {
		return fmt.Errorf("build %s: only kubectl can be built by itself", args[0])
	}
	flags := flag.NewFlagSet("build kubectl", flag.ContinueOnError)
	output := flags.String("o", "", "file to copy kubectl to")
	if err := parse(flags, args[1:]); err != nil {
		return err
	}
	if *output == "" {
		return errors.New("build kubectl: -o FILE is missing")
	}
	kubectl, err := cluster.BuildKubectl(ctx, os.Stderr)
	if err != nil {
		return err
	}
	return copyBinary(kubectl, *output)
}

func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s: unexpected argument %q", flags.Name(), flags.Arg(0))
	}
	return nil
}

// stateDir is one per checkout, and git ignores it.
func stateDir() (string, error) {
	checkout, err := cluster.Checkout()
	return filepath.Join(checkout, ".cluster"), err
}
