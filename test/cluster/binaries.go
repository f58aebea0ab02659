package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// assetsVariable names a directory with etcd, kube-apiserver and perhaps kubectl, as other tools of the field read it.
const assetsVariable = "KUBEBUILDER_ASSETS"

// binaries are the files that a cluster runs.
type binaries struct {
	// assets is set when etcd and API server are somebody else's.
	assets       string
	controlPlane string
	kwok         string
	kwokStages   string
	// What follows is for real nodes.
	node    string
	foreign foreign
	// images are the archives that every machine loads: the cluster's own and the caller's.
	images []string
}

// resolve finds or builds what the options need, and says which layout that allows.
func resolve(ctx context.Context, options Options, report reporter) (binaries, Layout, error) {
	var found binaries
	layout := options.Layout
	var wanted []requirement
	if assets := os.Getenv(assetsVariable); assets != "" && options.APIOnly {
		report.say("etcd and kube-apiserver come from %s=%s", assetsVariable, assets)
		found.assets, layout = assets, Separate
	} else {
		wanted = append(wanted, requirement{controlPlaneBinary, &found.controlPlane})
	}
	if options.FakeNodes > 0 {
		wanted = append(wanted, requirement{kwokBinary, &found.kwok}, requirement{kwokStages, &found.kwokStages})
	}
	for _, w := range wanted {
		path, err := w.artifact.obtain(ctx, report)
		if err != nil {
			return binaries{}, layout, err
		}
		*w.path = path
	}
	if options.Nodes == 0 {
		return found, layout, nil
	}
	return found, layout, found.addForNodes(ctx, options, report)
}

// requirement is an artifact and where its path goes.
type requirement struct {
	artifact artifact
	path     *string
}

// kubectl is built when it is first used: most tests speak to the API server by themselves.
func (b binaries) kubectl(ctx context.Context, report reporter) (string, error) {
	if own := filepath.Join(b.assets, "kubectl"); b.assets != "" && exists(own) {
		return own, nil
	}
	return kubectlBinary.obtain(ctx, report)
}

// programs are the processes of the cluster, in the order of their needs.
func (s setup) programs(layout Layout) ([]program, error) {
	plane, err := s.planePrograms(layout)
	if err != nil || s.options.Nodes == 0 {
		return plane, err
	}
	network, machines := s.nodePrograms()
	return slices.Concat([]program{network}, plane, machines), nil
}

// planePrograms are the processes of the control plane and of the fake nodes.
func (s setup) planePrograms(layout Layout) ([]program, error) {
	if layout == Separate {
		return s.separate(s.options.components()), nil
	}
	one, err := s.oneProcess()
	if err != nil {
		return nil, err
	}
	if s.options.FakeNodes == 0 {
		return []program{one}, nil
	}
	return append([]program{one}, s.separate([]Component{Kwok})...), nil
}

func (s setup) separate(components []Component) []program {
	var programs []program
	for _, component := range components {
		path, first := s.executable(component)
		programs = append(programs, s.program(component, path, append(first, s.flags(component)...)))
	}
	return programs
}

// executable returns the binary of a component and the arguments before its flags.
func (s setup) executable(component Component) (path string, first []string) {
	switch {
	case component == Kwok:
		return s.binaries.kwok, nil
	case s.binaries.assets != "":
		return filepath.Join(s.binaries.assets, string(component)), nil
	default:
		return s.binaries.controlPlane, []string{string(component)}
	}
}

// oneProcess hands the flags of all components over in a file.
func (s setup) oneProcess() (program, error) {
	flags := map[Component][]string{}
	for _, component := range s.options.components() {
		if component != Kwok {
			flags[component] = s.flags(component)
		}
	}
	content, err := json.MarshalIndent(flags, "", "  ")
	if err != nil {
		return program{}, fmt.Errorf("encode flags: %w", err)
	}
	file := s.home.path("flags.json")
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return program{}, err
	}
	return s.program(ControlPlane, s.binaries.controlPlane, []string{"one", file}), nil
}

func (s setup) program(name Component, path string, args []string) program {
	return program{name: name, path: path, args: args, log: s.home.path("log", string(name)+".log"), detached: s.options.Detached}
}
