package plugin

import (
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// completePools offers the pools of the namespace.
func (a *access) completePools(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cluster, namespace, err := a.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var list v1alpha1.LeaderPolicyList
	if err := cluster.List(c.Context(), &list, client.InNamespace(namespace)); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, p := range list.Items {
		names = append(names, p.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completePoolAndPod offers pools, then the members of the pool.
func (a *access) completePoolAndPod(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return a.completePools(c, args, "")
	}
	cluster, namespace, err := a.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var list corev1.PodList
	if err := cluster.List(c.Context(), &list, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.PoolLabel: args[0]}); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, p := range list.Items {
		names = append(names, p.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
