// Command cluster keeps one control plane per checkout running until it is told to stop.
//
//	cluster start [-nodes N]     start it, or find it running; the last line is KUBECONFIG=<absolute path>
//	cluster stop                 end it, and nothing else
//	cluster build                build all that start needs
//	cluster build NAME -o F      build kubectl or coredns and copy it to F
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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
		return errors.New("usage: cluster start [-nodes N] | stop | build [kubectl|coredns -o FILE]")
	}
	return commands[args[0]](ctx, args[1:])
}

func start(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("start", flag.ContinueOnError)
	nodes := flags.Int("nodes", 0, "number of real nodes")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *nodes != 0 {
		return fmt.Errorf("-nodes %d: real nodes are not there yet; without -nodes, %d fake nodes run", *nodes, fakeNodes)
	}
	dir, err := stateDir()
	if err != nil {
		return err
	}
	c, err := cluster.Start(ctx, cluster.Options{Dir: dir, Detached: true, FakeNodes: fakeNodes, Progress: os.Stderr})
	if errors.Is(err, cluster.ErrRunning) {
		fmt.Fprintln(os.Stderr, "the cluster of this checkout runs already")
		c, err = cluster.Open(dir)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "its %d nodes are fake: kwok stands for their kubelets, pods become Ready but run no process\n", fakeNodes)
	fmt.Printf("KUBECONFIG=%s\n", c.Kubeconfig)
	return nil
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
	name := args[0]
	builders := map[string]func(context.Context, io.Writer) (string, error){"kubectl": cluster.BuildKubectl, "coredns": cluster.BuildCoreDNS}
	builder, found := builders[name]
	if !found {
		return fmt.Errorf("build %s: only kubectl and coredns can be built by themselves", name)
	}
	flags := flag.NewFlagSet("build "+name, flag.ContinueOnError)
	output := flags.String("o", "", "file to copy it to")
	if err := parse(flags, args[1:]); err != nil {
		return err
	}
	if *output == "" {
		return fmt.Errorf("build %s: -o FILE is missing", name)
	}
	binary, err := builder(ctx, os.Stderr)
	if err != nil {
		return err
	}
	return copyBinary(binary, *output)
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
