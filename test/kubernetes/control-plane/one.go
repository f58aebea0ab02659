package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"
)

const (
	etcdName              = "etcd"
	apiServerName         = "kube-apiserver"
	controllerManagerName = "kube-controller-manager"
	schedulerName         = "kube-scheduler"
)

// part is one component as goroutines of this process.
type part struct {
	name string
	// parse reads the flags. All parts parse before the first one starts: they share registries of feature gates that must not change later.
	parse func(flags []string) (start startFunc, err error)
}

// startFunc starts a component and returns when it is ready for those after it. It calls ended, once, when the component ends.
type startFunc func(ctx context.Context, ended func(error)) error

// Each part needs the ones before it.
var parts = []part{
	{etcdName, parseEtcd},
	{apiServerName, parseAPIServer},
	{controllerManagerName, parseControllerManager},
	{schedulerName, parseScheduler},
}

// runAll runs the components that the file names until ctx ends or the first component does. That one ends all: a control plane
// without one of its parts would look healthy to some tests and not to others.
//
// The upstream commands cannot share a process (each installs a signal handler, and the second one panics), hence options, Complete and Run.
func runAll(ctx context.Context, file string) error {
	starts, err := parseAll(file)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, s := range starts {
		ended := func(err error) { cancel(fmt.Errorf("%s ended: %w", s.name, err)) }
		if err := s.start(ctx, ended); err != nil {
			return fmt.Errorf("start %s: %w", s.name, err)
		}
		fmt.Fprintln(os.Stderr, "control-plane: started", s.name)
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

type namedStart struct {
	name  string
	start startFunc
}

func parseAll(file string) ([]namedStart, error) {
	flags, err := readFlags(file)
	if err != nil {
		return nil, err
	}
	var starts []namedStart
	for _, p := range parts {
		own, wanted := flags[p.name]
		if !wanted {
			continue
		}
		delete(flags, p.name)
		start, err := p.parse(own)
		if err != nil {
			return nil, fmt.Errorf("flags of %s: %w", p.name, err)
		}
		starts = append(starts, namedStart{p.name, start})
	}
	for name := range flags {
		return nil, fmt.Errorf("%s: unknown component %q", file, name)
	}
	return starts, nil
}

func readFlags(file string) (map[string][]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read flags: %w", err)
	}
	flags := map[string][]string{}
	if err := json.Unmarshal(content, &flags); err != nil {
		return nil, fmt.Errorf("read flags of %s: %w", file, err)
	}
	return flags, nil
}

// parseSets parses the flags of a Kubernetes component, which come as several named sets.
func parseSets(name string, sets cliflag.NamedFlagSets, flags []string) error {
	all := pflag.NewFlagSet(name, pflag.ContinueOnError)
	all.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	return all.Parse(flags)
}
