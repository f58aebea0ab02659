package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	logsapi "k8s.io/component-base/logs/api/v1"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

func parseAPIServer(flags []string) (startFunc, error) {
	o := options.NewServerRunOptions()
	if err := parseSets(apiServerName, o.Flags(), flags); err != nil {
		return nil, err
	}
	registry := o.GenericServerRunOptions.ComponentGlobalsRegistry
	if err := registry.Set(); err != nil {
		return nil, err
	}
	// Logging is one per process: the API server's flags decide for all.
	if err := logsapi.ValidateAndApply(o.Logs, nil); err != nil {
		return nil, err
	}
	return func(ctx context.Context, ended func(error)) error { return startAPIServer(ctx, o, ended) }, nil
}

func startAPIServer(ctx context.Context, o *options.ServerRunOptions, ended func(error)) error {
	completed, err := o.Complete(ctx)
	if err != nil {
		return err
	}
	if invalid := completed.Validate(); len(invalid) > 0 {
		return errors.NewAggregate(invalid)
	}
	if completed.InformerName, err = cache.NewInformerName(apiServerName); err != nil {
		return err
	}
	// What follows is app.Run, taken apart to reach the loopback client.
	config, err := apiserver.NewConfig(completed)
	if err != nil {
		return err
	}
	completedConfig, err := config.Complete()
	if err != nil {
		return err
	}
	server, err := apiserver.CreateServerChain(completedConfig)
	if err != nil {
		return err
	}
	loopback := server.GenericAPIServer.LoopbackClientConfig
	prepared, err := server.PrepareRun()
	if err != nil {
		return err
	}
	go func() { ended(prepared.Run(ctx)) }()
	return awaitReady(ctx, loopback)
}

// awaitReady polls /readyz: the server has no event for "all hooks have run", and the controller manager needs the roles that a hook makes.
func awaitReady(ctx context.Context, loopback *rest.Config) error {
	client, err := rest.HTTPClientFor(loopback)
	if err != nil {
		return fmt.Errorf("loopback client: %w", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !isReady(ctx, client, loopback.Host) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

func isReady(ctx context.Context, client *http.Client, host string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}
