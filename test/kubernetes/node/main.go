// Command node makes the machines of a cluster out of Linux namespaces, and holds the Kubernetes programs that run on each.
//
//	node switch FILE                   the network that machines are plugged into; it ends with this process
//	node machine FILE                  PID 1 of one machine
//	node cable PID MACHINE up|down     pull, or plug in again, the network cable of a machine; PID is the switch's
//	node kubelet|kube-proxy [flags]    with the flags of the upstream binary
//
// The caller makes the namespaces: a new network for the switch; mount, network, PID, host name and IPC for a machine. Whatever
// a machine or the switch makes lives in those and ends with its process; only empty cgroup folders stay.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client-go's metrics in /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info in /metrics
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: node switch|machine FILE | cable PID MACHINE up|down | kubelet|kube-proxy [flags]"))
	}
	// The upstream commands read os.Args as if they were called by their own name.
	os.Args = os.Args[1:]
	switch name := os.Args[0]; name {
	case "kubelet":
		os.Exit(cli.Run(kubelet.NewKubeletCommand(context.Background())))
	case "kube-proxy":
		os.Exit(cli.Run(kubeproxy.NewProxyCommand()))
	default:
		if err := own().Execute(); err != nil {
			fail(err)
		}
	}
}

// own are the commands that are not Kubernetes'.
func own() *cobra.Command {
	root := &cobra.Command{Use: "node", SilenceUsage: true, SilenceErrors: true}
	root.SetArgs(os.Args)
	root.AddCommand(
		&cobra.Command{Use: "switch FILE", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error { return beSwitch(args[0]) }},
		&cobra.Command{Use: "machine FILE", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error { return beMachine(args[0]) }},
		&cobra.Command{Use: "cable PID MACHINE up|down", Args: cobra.ExactArgs(3), RunE: func(_ *cobra.Command, args []string) error { return setCable(args[0], args[1], args[2]) }},
	)
	return root
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "node:", strings.TrimSpace(err.Error()))
	os.Exit(1)
}
