// Command control-plane holds etcd and the Kubernetes control plane in one binary: linked together they are a third of the size of four.
//
//	control-plane <component> [flags]   one component, with the flags of its upstream binary
//	control-plane one <file>            all components of the file as goroutines of one process
//
// The file is JSON: {"etcd": ["--flag", ...], "kube-apiserver": [...], ...}. Components that it does not name are not started.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // CronJobs name time zones, and a small machine may have no zone files

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client-go's metrics in /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info in /metrics
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: control-plane etcd|kube-apiserver|kube-controller-manager|kube-scheduler [flags]\n       control-plane one FILE")
		os.Exit(2)
	}
	// The upstream commands read os.Args as if they were called by their own name.
	os.Args = os.Args[1:]
	os.Exit(run(os.Args[0]))
}

func run(name string) int {
	switch name {
	case "one":
		return one()
	case etcdName:
		etcdmain.Main(os.Args)
		return 0
	case apiServerName:
		return cli.Run(apiserver.NewAPIServerCommand())
	case controllerManagerName:
		return cli.Run(controllermanager.NewControllerManagerCommand())
	case schedulerName:
		return cli.Run(scheduler.NewSchedulerCommand())
	}
	return fail(fmt.Errorf("unknown component %q", name))
}

func one() int {
	if len(os.Args) != 2 {
		return fail(fmt.Errorf("one: want the name of one file, got %d arguments", len(os.Args)-1))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := runAll(ctx, os.Args[1]); err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "control-plane:", err)
	return 1
}
