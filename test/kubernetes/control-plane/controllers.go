package main

import (
	"context"

	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	controllermanageroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func parseControllerManager(flags []string) (startFunc, error) {
	o, err := controllermanageroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	known, disabled, aliases := controllermanager.KnownControllers(), controllermanager.ControllersDisabledByDefault(), controllermanager.ControllerAliases()
	sets := o.Flags(known, disabled, aliases)
	o.ParsedFlags = &sets
	if err := parseSets(controllerManagerName, sets, flags); err != nil {
		return nil, err
	}
	return func(ctx context.Context, ended func(error)) error {
		config, err := o.Config(ctx, known, disabled, aliases)
		if err != nil {
			return err
		}
		go func() { ended(controllermanager.Run(ctx, config.Complete())) }()
		return nil
	}, nil
}

func parseScheduler(flags []string) (startFunc, error) {
	o := scheduleroptions.NewOptions()
	if err := parseSets(schedulerName, *o.Flags, flags); err != nil {
		return nil, err
	}
	return func(ctx context.Context, ended func(error)) error {
		config, sched, err := scheduler.Setup(ctx, o)
		if err != nil {
			return err
		}
		go func() { ended(scheduler.Run(ctx, config, sched)) }()
		return nil
	}, nil
}
