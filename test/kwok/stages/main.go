// Command stages prints the configuration that makes kwok stand for kubelets: nodes and pods become Ready at once, pods are deleted at once.
// The stages are those that kwok ships. A pod leaves "pod-ready" with phase Running, so its conditions can be patched afterwards
// without kwok putting them back.
package main

import (
	"fmt"
	"strings"

	nodefast "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
)

func main() {
	fmt.Println(strings.Join([]string{
		nodefast.DefaultNodeInit,
		heartbeat.DefaultNodeHeartbeatWithLease,
		podfast.DefaultPodReady,
		podfast.DefaultPodComplete,
		podfast.DefaultPodDelete,
	}, "\n---\n"))
}
